"""The same network and update in other libraries, as their users write it."""
