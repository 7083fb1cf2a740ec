"""The demo: pictures drawn by numbers, a pretend owner, and the real program at work for them."""
