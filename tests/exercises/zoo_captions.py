"""What the checker of `zoo_captions` must accept and reject."""


def right_by_number(folders, names):
    return {folder: names[int(folder) - 1] for folder in folders}


def right_sorted(folders, names):
    captions = {}
    for position, folder in enumerate(sorted(folders, key=int)):
        captions[folder] = names[position]
    return captions


def right_zip(folders, names):
    return dict(zip(map(str, range(1, len(folders) + 1)), names, strict=True))


WRONG = {
    "off by one": ("int(folder) - 1", "int(folder) % 32"),
    "as listed": ("names[int(folder) - 1] for folder in folders",
                  "names[place] for place, folder in enumerate(folders)"),
    "sorted as text": ("names[int(folder) - 1] for folder in folders",
                       "names[place] for place, folder in enumerate(sorted(folders))"),
    "numbers as keys": ("{folder:", "{int(folder):"),
    "from the end": ("int(folder) - 1", "-int(folder)"),
    "one folder left out": ("for folder in folders", "for folder in folders if folder != '32'"),
    "a list": ("{folder: names[int(folder) - 1] for folder in folders}", "[names[int(f) - 1] for f in folders]"),
}
