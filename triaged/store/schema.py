"""Tables of both databases, as numbered migrations, each in one transaction with its own record.

`triaged.db` is precious and small: what the owner did cannot be seen twice. `features.db` is large
and can be computed again from the photos. A row is written by one process alone: the daemon (and,
in short transactions, the commands) writes the first, the worker the second.

    photos -> shots     which files live and die together
    acts                what was seen to happen to a photo; the rows of one gesture share `gesture`
    decisions           what an act taught, with the score the photo had before it
    standing            of the decisions on a shot, the latest among the heaviest
    lessons             what a decided shot looked like, kept when its pixels are long gone
    links               which links stood in the review folder, from when to when: the exposure
"""

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

TRIAGED = Migrations("triaged")
FEATURES = Migrations("features")


@TRIAGED()
def first_tables(db: Database) -> None:
    """Make the precious tables."""
    for statement in _TRIAGED_TABLES.split(";"):
        if statement.strip():
            db.conn.execute(statement)


@FEATURES()
def first_features(db: Database) -> None:
    """Make the rebuildable tables."""
    for statement in _FEATURES_TABLES.split(";"):
        if statement.strip():
            db.conn.execute(statement)


_TRIAGED_TABLES = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE roots (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('library', 'keep', 'deleted', 'trash')),
    origin TEXT NOT NULL CHECK (origin IN ('config', 'found', 'taught')),
    is_active INTEGER NOT NULL DEFAULT 1,
    filesystem TEXT, inode INTEGER, birth_ns INTEGER,
    is_online INTEGER NOT NULL DEFAULT 0,
    trouble TEXT,
    first_scan_at REAL, last_scan_at REAL
);

CREATE TABLE shots (id INTEGER PRIMARY KEY, taken_at REAL);

CREATE TABLE photos (
    id INTEGER PRIMARY KEY,
    root INTEGER NOT NULL REFERENCES roots(id),
    folder BLOB NOT NULL,
    name BLOB NOT NULL,
    stem BLOB NOT NULL,
    filesystem TEXT NOT NULL, inode INTEGER NOT NULL, birth_ns INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('image', 'raw', 'video', 'sidecar')),
    content_hash TEXT,
    shot INTEGER NOT NULL REFERENCES shots(id),
    first_role TEXT NOT NULL,
    home_path BLOB,
    is_present INTEGER NOT NULL DEFAULT 1,
    first_seen_at REAL NOT NULL, gone_at REAL,
    taken_at REAL, rating INTEGER
);
CREATE UNIQUE INDEX photos_by_place ON photos(root, folder, name) WHERE is_present = 1;
CREATE INDEX photos_by_stem ON photos(root, folder, stem);
CREATE INDEX photos_by_identity ON photos(inode, birth_ns);
CREATE INDEX photos_by_hash ON photos(content_hash) WHERE content_hash IS NOT NULL;
CREATE INDEX photos_by_shot ON photos(shot);
CREATE INDEX photos_by_home ON photos(home_path) WHERE home_path IS NOT NULL;

CREATE TABLE acts (
    id INTEGER PRIMARY KEY,
    gesture INTEGER NOT NULL,
    kind TEXT NOT NULL,
    photo INTEGER NOT NULL REFERENCES photos(id),
    role_from TEXT, role_to TEXT,
    seen_from BLOB, seen_to BLOB,
    at REAL,
    seen_at REAL NOT NULL,
    size_of_act INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('taken', 'held', 'rejected', 'retracted')),
    judged_at REAL,
    reason TEXT,
    score REAL, percentile REAL, model INTEGER
);
CREATE INDEX acts_open ON acts(id) WHERE judged_at IS NULL;
CREATE INDEX acts_by_photo ON acts(photo);
CREATE INDEX acts_by_gesture ON acts(gesture);

CREATE TABLE decisions (
    id INTEGER PRIMARY KEY,
    act INTEGER NOT NULL REFERENCES acts(id),
    shot INTEGER NOT NULL REFERENCES shots(id),
    label TEXT NOT NULL CHECK (label IN ('delete', 'keep')),
    weight REAL NOT NULL,
    source TEXT NOT NULL,
    at REAL,
    made_at REAL NOT NULL,
    score REAL, percentile REAL, model INTEGER
);
CREATE INDEX decisions_by_shot ON decisions(shot);
CREATE INDEX decisions_by_act ON decisions(act);

CREATE VIEW standing AS
SELECT shot, label, weight, source, at, decision, act, gesture, size_of_act, made_at FROM (
    SELECT d.shot, d.label, d.weight, d.source, d.at, d.id AS decision, d.act, d.made_at,
        a.gesture, a.size_of_act,
        ROW_NUMBER() OVER (PARTITION BY d.shot ORDER BY d.weight DESC, d.id DESC) AS place
    FROM decisions d JOIN acts a ON a.id = d.act
    WHERE a.state = 'taken'
) WHERE place = 1;

CREATE TABLE lessons (
    shot INTEGER NOT NULL REFERENCES shots(id),
    backbone TEXT NOT NULL, version TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    photo INTEGER NOT NULL REFERENCES photos(id),
    embedding BLOB, levels BLOB, measured BLOB,
    measured_version INTEGER NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY (shot, backbone, version)
);

CREATE TABLE links (
    id INTEGER PRIMARY KEY,
    generation INTEGER NOT NULL,
    view TEXT NOT NULL,
    shot INTEGER NOT NULL REFERENCES shots(id),
    photo INTEGER NOT NULL REFERENCES photos(id),
    name BLOB NOT NULL,
    rank INTEGER NOT NULL,
    is_control INTEGER NOT NULL DEFAULT 0,
    inode INTEGER,
    shown_from REAL NOT NULL, shown_to REAL
);
CREATE INDEX links_shown ON links(view) WHERE shown_to IS NULL;
CREATE INDEX links_by_shot ON links(shot);

CREATE TABLE published (
    photo INTEGER PRIMARY KEY REFERENCES photos(id),
    content_hash TEXT NOT NULL,
    score REAL NOT NULL,
    model INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    at REAL NOT NULL
);
"""

_FEATURES_TABLES = """
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE contents (
    photo INTEGER PRIMARY KEY,
    size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX contents_by_hash ON contents(content_hash);

CREATE TABLE attempts (
    photo INTEGER PRIMARY KEY,
    size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT,
    quarantined_at REAL
);

CREATE TABLE pictures (
    content_hash TEXT PRIMARY KEY,
    measured BLOB NOT NULL, measured_version INTEGER NOT NULL,
    facts TEXT NOT NULL,
    at REAL NOT NULL
);

CREATE TABLE embeddings (
    content_hash TEXT NOT NULL,
    backbone TEXT NOT NULL,
    version TEXT NOT NULL,
    embedding BLOB NOT NULL, levels BLOB NOT NULL,
    PRIMARY KEY (content_hash, backbone)
);

CREATE TABLE models (
    id INTEGER PRIMARY KEY,
    backbone TEXT NOT NULL, version TEXT NOT NULL,
    fitted_at REAL NOT NULL,
    active_from REAL, active_to REAL,
    deletes INTEGER NOT NULL, keeps INTEGER NOT NULL, background INTEGER NOT NULL,
    changes INTEGER NOT NULL,
    summary TEXT NOT NULL,
    body BLOB
);

CREATE TABLE scores (
    shot INTEGER PRIMARY KEY,
    photo INTEGER NOT NULL,
    content_hash TEXT NOT NULL,
    model INTEGER NOT NULL,
    score REAL NOT NULL,
    percentile REAL NOT NULL,
    reason TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX scores_by_score ON scores(score);
"""


def migrate_triaged(db: Database) -> None:
    """Bring the precious database to the newest schema."""
    _apply(TRIAGED, db)


def migrate_features(db: Database) -> None:
    """Bring the rebuildable database to the newest schema."""
    _apply(FEATURES, db)


def _apply(migrations: Migrations, db: Database) -> None:
    """Apply what is pending under the write lock, so that two starting processes take turns.

    The library's own transactions are deferred; inside ours they become savepoints.
    """
    if migrations.pending(db):
        db.conn.execute("BEGIN IMMEDIATE")
        try:
            migrations.apply(db)
        except BaseException:
            db.conn.execute("ROLLBACK")
            raise
        db.conn.execute("COMMIT")
