"""From a checkpoint to answers: weights of any origin, images, videos, files, export."""
