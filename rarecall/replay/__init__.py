"""Would another trigger have been better? The same history, lived through again under several policies."""
