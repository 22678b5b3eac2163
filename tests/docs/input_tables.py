"""Tables of labels as users have them: rows of docs/inputs.md."""

from tests.docs.input_folders import case, fill

TABLE = "`labels.csv` beside ten images in `ant/` and `bee/`"
NAMES = [f"{name}/{name}{i}.png" for name in ("ant", "bee") for i in range(5)]


def lines(header="file,label", row="{file},{label}", names=NAMES):
    """The text of a table of all images."""
    rows = [row.format(file=x, label=x[:3], i=i) for i, x in enumerate(names)]
    return "\n".join([header, *rows]) + "\n"


def table(text, content, encoding="utf-8", task="classification", name="labels.csv"):
    """Registers a folder with a table."""

    def make(root):
        fill(root)
        filled = content(root) if callable(content) else content
        (root / name).write_bytes(filled.encode(encoding))

    return case(TABLE, text, task)(make)


table("`file,label`", lines())
table("`file;label`", lines("file;label", "{file};{label}"))
table("tabs", lines("file\tlabel", "{file}\t{label}"))
table("bars", lines("file|label", "{file}|{label}"))
table("`sep=;` in the first line", "sep=;\n" + lines("file;label", "{file};{label}"))
table("UTF-8 with a byte order mark", lines(), "utf-8-sig")
table("UTF-16", lines("file\tlabel", "{file}\t{label}"), "utf-16")
table("a Windows code page", lines(row="{file},{label}é"), "cp1252")
table("lines that end as on Windows", lines().replace("\n", "\r\n"))
table("columns in capitals, with spaces", lines("File, Label", "{file}, {label}"))
table("`LABELS.CSV`", lines(), name="LABELS.CSV")
table("cells in quotes, with a comma", lines(row='"{file}","{label}, wild"'))
table("a comma without quotes", lines(row="{file},{label}, wild"))
table("a row with a cell less", lines() + "ant/x.png\n")
table("empty cells at the end of all rows", lines("file,label,,", "{file},{label},,"))
table("quotes that are not closed", lines() + '"ant/x.png,ant\n\n')
table("no header", lines("ant/ant0.png,ant", names=NAMES[1:]))
table("a header alone", "file,label\n")
table("an empty file", "")
table("a spreadsheet", "PK\3\4" + "\0" * 9)
table("two columns `label`", lines("file,label,label", "{file},{label},x"))
table("a file that is not there", lines() + "ant/x.png,ant\n")
table("names without suffix", lines().replace(".png", ""))
table("names in another case", lines().replace(".png", ".PNG"))
table("a remark in the first line", "# mine\n" + lines())
table("a file twice", lines() + "./ant/ant0.png,ant\n")
table("a file with two labels", lines() + "ant/ant0.png,bee\n")
table("paths with `\\`", lines().replace("/", "\\"))
table("absolute paths", lambda root: lines(row=f"{root}/{{file}},{{label}}"))
table("paths of another computer", lines(row="C:\\me\\{file},{label}"))
table("classes 0 and 1", lines().replace(",ant", ",0").replace(",bee", ",1"))
table("classes 1 and 1.0", lines().replace(",ant", ",1").replace(",bee", ",1.0"))
table("an empty label", lines() + "ant/x.png,\n")
table(
    "`split` with Training, dev, TEST",
    lines("file,label,split", "{file},{label},{i}")
    .replace(",0", ",Training")
    .replace(",5", ",Training")
    .replace(",1", ",dev")
    .replace(",6", ",dev")
    .replace(",2", ",TEST")
    .replace(",7", ",TEST")
    .replace(",3", ",Training")
    .replace(",4", ",Training")
    .replace(",8", ",Training")
    .replace(",9", ",Training"),
)
table("`split` with another word", lines("file,label,split", "{file},{label},spring"))
table("`ant;bee`, classification", lines().replace("png,ant", "png,ant;bee"))
table(
    '`"ant,bee"`, classification', lines().replace("ant0.png,ant", 'ant0.png,"ant,bee"')
)
table(
    "`ant;bee`, `--task multilabel`",
    lines().replace("ant0.png,ant", "ant0.png,ant;bee"),
    task="multilabel",
)
table(
    '`"ant,bee"`, `--task multilabel`',
    lines().replace("ant0.png,ant", 'ant0.png,"ant,bee"'),
    task="multilabel",
)
table(
    "columns of 0 and 1, `--task multilabel`",
    lines("file,ant,bee", "{file},1,0")
    .replace("bee4.png,1,0", "bee4.png,1,1")
    .replace("bee3.png,1,0", "bee3.png,0,1")
    .replace("bee2.png,1,0", "bee2.png,0,1"),
    task="multilabel",
)


@case(TABLE, "a listed file of zero bytes")
def zero_bytes_listed(root):
    fill(root)
    (root / "ant/zero.png").touch()
    (root / "labels.csv").write_text(lines() + "ant/zero.png,ant\n")


@case(TABLE, "a name with its accents in another form of Unicode")
def other_form(root):
    fill(root)
    (root / "ant/ant0.png").rename(root / "ant/e\u0301.png")
    (root / "labels.csv").write_text(lines().replace("ant0.png", "\xe9.png"), "utf-8")


@case(TABLE, "five of the ten images listed")
def half(root):
    fill(root)
    (root / "labels.csv").write_text(lines(names=NAMES[:3] + NAMES[5:7]))


@case(TABLE, "in `dataset/` alone")
def wrapped_table(root):
    fill(root, "dataset")
    inner = [f"{x[:3]}/dataset{x[4:]}" for x in NAMES]
    (root / "dataset/labels.csv").write_text(lines(names=inner))


@case(TABLE, "`labels.csv` and `labels.tsv`")
def two_tables(root):
    fill(root)
    for name in ("labels.csv", "labels.tsv"):
        (root / name).write_text(lines())
