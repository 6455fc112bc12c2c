"""A made-up stream of card payments: the only table of the product that is not real."""
