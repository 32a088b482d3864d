"""The command line: arguments in, calls out; one short module per command."""
