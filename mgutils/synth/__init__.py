"""The studio: synthetic press-conference images with known truth.

``plan`` samples the metadata, ``person`` builds the body, ``gestures`` animates it, ``render`` draws it,
``frames`` joins the four, ``writer`` writes the images and ``dataset`` the rest.
"""
