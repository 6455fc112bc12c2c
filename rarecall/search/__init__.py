"""The search for neighbours behind `rarecall.neighbors`: blocks of rows, cells, trees, and the best k of a product."""
