"""The network: two encoders, two projection heads, one space. ``encoders`` has the parts, ``clip`` the whole."""
