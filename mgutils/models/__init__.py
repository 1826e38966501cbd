"""The networks: ``encoders`` has the parts, ``clip`` the visual-text model."""
