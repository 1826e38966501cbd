"""Commands that answer for new images, and that hand a trained model on."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from mgutils.cli.paths import CHECKPOINT, IMAGES, need_file, need_run, settings_of
from mgutils.errors import ConfigError
from mgutils.predict.kinds import CAUTION, free_texts, reads_sentences, refuse_graph, video_of

if TYPE_CHECKING:
    from mgutils.config import RunConfig
    from mgutils.predict.films import FilmPredictor
    from mgutils.predict.predictor import Predictor


@dataclass(frozen=True, kw_only=True)
class Loading:
    """The options of every command that loads a checkpoint."""

    labels: Path | None = None
    """Clip_label.csv, for a checkpoint that does not know its classes."""
    config: Path | None = None
    """config.json of a run, for a checkpoint without settings that are not the original's."""
    tokenizer: Path | None = None
    """Folder with the files of the text encoder's tokenizer, where no hub can be reached."""

    def look(self, *tasks: str) -> None:
        """Refuse what cannot be loaded, as far as its name says, before anything heavy is imported."""
        need_file(self.checkpoint, CHECKPOINT)
        need_file(self.labels, "a Clip_label.csv")
        need_file(self.config, "the config.json of a run")
        need_file(self.tokenizer, "a folder with the files of a tokenizer")
        refuse_graph(self.checkpoint)
        if (self.checkpoint / "config.json").is_file():
            need_run(self.checkpoint, *IMAGES, *tasks)

    def load(self) -> Predictor:
        """The model of the checkpoint, ready to answer."""
        from mgutils.predict.predictor import load_predictor

        return load_predictor(self.checkpoint, config=self.config, labels=self.labels, tokenizer=self.tokenizer)


@dataclass(frozen=True)
class Test(Loading):
    """Answer for the images that a CSV lists; print top-1 and top-5 where it has classes."""

    __test__ = False  # pytest: not a class of tests
    imagepathscsv: Path
    """CSV with a column of paths to images."""
    columnname: str = "Path"
    """Name of that column."""
    checkpoint: Path = Path("kl2captioncheckpoints/best_0.81.pth")
    """A folder that `mg train` left, a model.safetensors of `mg export`, or a .pth of the original's script."""
    labelcolumn: str = "Class"
    """Column of class ids, or of the classes' own names, used where it is there."""
    root: Path | None = None
    """Folder of the images; if not given it is found, the original's ./training included."""
    out_dir: Path = Path("predictions")
    """Where predictions.csv goes."""
    submission: Path | None = None
    """Also write the course's file there: filename,class."""
    skip_bad: bool = False
    """Leave out images that cannot be read, and list them; without it nothing is answered if one is bad."""
    batch_size: int = 64
    """Images at once."""

    def run(self) -> None:
        self.look()
        need_file(self.imagepathscsv, "a CSV with a column of paths to images")

        from mgutils.predict.table import answer_table

        predictor = self.load()
        for line in answer_table(predictor, self.imagepathscsv, self.columnname, self.out_dir,
                                 label_column=self.labelcolumn, root=self.root, submission=self.submission,
                                 skip_bad=self.skip_bad, batch_size=self.batch_size):
            print(line)


@dataclass(frozen=True)
class Predict(Loading):
    """Answer for images, folders, videos, or - for paths from standard input; for keypoints.npz by a run on joints."""

    inputs: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Images, folders, videos; - reads paths from standard input, one a line."""
    checkpoint: Path
    """A folder that `mg train` left, a model.safetensors of `mg export`, or a .pth of the original's script."""
    classes: tuple[str, ...] | None = None
    """Texts to answer with in place of the run's classes: one list with commas, or several texts."""
    clips: Path | None = None
    """Of a run on videos and sentences: the clips that it learned from, for the side of their pictures."""
    rate: float = 2.0
    """Frames per second to take from a video; 0 takes all."""
    out_dir: Path = Path("predictions")
    """Where predictions.csv and the pictures go."""
    annotate: bool = False
    """Also write each video with the answers on every frame, as mp4."""
    gradcam: bool = False
    """Also write each picture with the places that raised its score, and a sheet of twelve."""
    skip_bad: bool = False
    """Leave out what cannot be read, and list it; without it the first stops the work."""
    batch_size: int = 64
    """Images at once."""

    def run(self) -> None:
        texts = () if self.classes is None else free_texts(self.classes)
        need_file(self.clips, "a folder of clips")
        config = settings_of(self.checkpoint)
        told = config is not None and reads_sentences(config)
        self.look("skeleton", *(("alignment",) if told else ()))
        if texts and not told and config is not None:
            need_run(self.checkpoint, "image-text")  # others read no text
        if texts:
            print(f"mg: warning: {CAUTION}.", file=sys.stderr)
        if told:
            self.run_told(config, texts)
        elif config is not None and config.task == "skeleton":
            from mgutils.predict.skeletons import answer_keypoints

            print(answer_keypoints(self.checkpoint, self.inputs, self.out_dir))
        else:
            predictor = self.load()
            if texts:
                from mgutils.predict.free_texts import with_texts

                predictor = with_texts(predictor, texts, self.tokenizer)
            self.answer(predictor)

    def run_told(self, config: RunConfig, texts: tuple[str, ...]) -> None:
        """Answer by a run on sentences and joints, or features of rgb."""
        if video_of(config, str(self.checkpoint))[0].of == "joints":
            from mgutils.predict.skeletons import answer_keypoints
            from mgutils.predict.text_classes import load_text_classes

            print(answer_keypoints(self.checkpoint, self.inputs, self.out_dir,
                                   load_text_classes(self.checkpoint, texts, self.clips)))
            return
        if self.gradcam:
            raise ConfigError(f"gradcam: found {self.checkpoint}, a run on videos; wanted one on images, whose answer "
                              "is that of one picture. Leave --gradcam out.")

        from mgutils.predict.films import load_film_predictor

        self.answer(load_film_predictor(self.checkpoint, texts, self.clips))

    def answer(self, predictor: Predictor | FilmPredictor) -> None:
        """Write the answers down, and print where they are."""
        from mgutils.predict.files import PredictOptions, answer_files

        options = PredictOptions(self.rate or None, self.annotate, self.gradcam, self.skip_bad, self.batch_size)
        for line in answer_files(predictor, self.inputs, self.out_dir, options, stdin=sys.stdin):
            print(line)


@dataclass(frozen=True)
class Export(Loading):
    """Write a trained model as safetensors and as an ONNX graph, both checked."""

    checkpoint: Annotated[Path, tyro.conf.Positional]
    """A folder that `mg train` left, or a .pth of the original's script."""
    out_dir: Path = Path("export")
    """Where model.safetensors and model.onnx go."""
    safetensors: bool = True
    """Weights, settings, captions and class names in one file."""
    onnx: bool = True
    """Image encoder, head and captions as one graph: bytes of images in, scores out."""

    def run(self) -> None:
        self.look()

        from mgutils.predict.export import export_onnx, export_safetensors

        predictor = self.load()
        wanted = {"model.safetensors": (self.safetensors, export_safetensors), "model.onnx": (self.onnx, export_onnx)}
        for name, (asked, export) in wanted.items():
            if asked:
                worst = export(predictor, self.out_dir / name)
                print(f"{self.out_dir / name}: {(self.out_dir / name).stat().st_size / 1e6:,.1f} MB, "
                      f"{len(predictor.labels)} classes, scores equal to {worst:.0e} of the largest")
