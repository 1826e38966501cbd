"""Teaching and reproduction kit for image-level micro-gesture classification.

Read first, in this order: ``config/settings.py`` (every setting of a run), ``losses/image_text.py`` (the losses),
``models/clip.py`` (the network), ``training/loop.py`` (how it learns), ``metrics/scores.py`` (how it is
scored).

The rooms, from the ground up:

    config       every setting: of a run, a network, the studio; the profiles
    data         images and clips: read, check, split, audit, import
    synth        the studio, which draws people and their gestures
    losses       the losses and their divergences
    models       networks for images, texts and skeletons; the space that they share
    metrics      scores, intervals over people, paired tests
    training     the loop, batches, checkpoints, several processes, the store of runs
    evaluation   a finished run on other rows, probes, zero-shot classes, where a model looks
    predict      answers for images, videos and keypoints; export
    experiments  for each question of a notebook: which runs, which table
    report       figures, tables and the generated parts of the pages
    claims       the originals' sentences, one test each, and the ledger of verdicts
    course       notebooks, their execution, the book, exercises, grading
    cli          the ``mg`` command

``limits``, ``errors``, ``files``, ``progress`` and ``style`` belong to all of them.
Importing this package imports nothing heavy; each module imports what it needs.
"""

__version__ = "0.1.0"
