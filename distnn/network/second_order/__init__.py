"""Second derivatives over one block: Gauss-Newton, products with the Hessian, the bend of the outputs."""
