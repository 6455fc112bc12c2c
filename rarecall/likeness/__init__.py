"""What fidelity is made of: how synthetic rows compare with real ones, a figure a file."""
