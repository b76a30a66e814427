"""The same network and update as users of other libraries write them, beside ours."""
