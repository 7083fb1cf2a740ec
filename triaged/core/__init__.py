"""Pure rules: stdlib only, no disk, no clock, no database; time comes in as an argument."""
