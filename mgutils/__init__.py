"""Teaching and reproduction kit: images, skeletons, films and texts in one space.

Read first, in this order: ``config/settings.py`` (every setting of a run), ``losses/image_text.py`` (the losses),
``models/clip.py`` (the network), ``training/loop.py`` (how it learns), ``metrics/scores.py`` (how it is
scored).

The rooms, from the ground up:

    config       every setting, and the profiles
    data         images and clips: read, check, split, audit, import
    synth        the studio, which draws people and their gestures
    losses       losses and divergences
    models       networks, and the space that they share
    metrics      scores, intervals over people, paired tests
    training     the loop, checkpoints, the store of runs
    evaluation   probes, retrieval, classes never seen, where a model looks
    predict      answers for images, videos and keypoints; export
    experiments  the runs and tables of each notebook
    report       figures, tables, generated parts of the pages
    claims       the originals' claims, a test for each, the verdicts
    course       notebooks, the book, exercises, grading
    cli          the ``mg`` command

``limits``, ``errors``, ``files``, ``progress`` and ``style`` belong to all of them.
Importing this package imports nothing heavy; each module imports what it needs.
"""

__version__ = "0.1.0"
