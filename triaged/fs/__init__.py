"""The edge: the only code that looks at, and writes in, the owner's folders. No PIL, no torch."""
