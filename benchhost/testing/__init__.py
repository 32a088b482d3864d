"""What a plugin's own tests may import: fixtures, contract suites, exact priors and faulty methods."""
