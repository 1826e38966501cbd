"""The renderer: geometry, ray casting, shading, the room."""
