"""Game days: a whole loop on a stack of its own, one trouble put into it, and what the outside has to see of it."""
