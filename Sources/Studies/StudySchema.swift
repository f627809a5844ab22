/// The tables of a study's file (docs/studies.md).
enum StudySchema {
  static let format = 1
  /// `wcst`: tells a study from other SQLite files.
  static let applicationID = 0x7763_7374

  static let errors = TuningErrors.columns.map { "\($0) REAL" }.joined(separator: ", ")

  /// Primary keys are what was asked for, so that equal studies have equal rows.
  static let tables = """
    CREATE TABLE study (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
    CREATE TABLE trace (trace INTEGER PRIMARY KEY, digest TEXT NOT NULL, name TEXT NOT NULL);
    CREATE TABLE setting (
      setting INTEGER PRIMARY KEY, policy TEXT NOT NULL, is_oracle INTEGER NOT NULL, files TEXT NOT NULL);
    CREATE TABLE threshold (
      setting INTEGER NOT NULL, place INTEGER NOT NULL, key TEXT NOT NULL, lowest REAL NOT NULL,
      highest REAL NOT NULL, PRIMARY KEY (setting, place)) WITHOUT ROWID;
    CREATE TABLE search (
      trace INTEGER NOT NULL, setting INTEGER NOT NULL, PRIMARY KEY (trace, setting)) WITHOUT ROWID;
    CREATE TABLE replay (
      trace INTEGER NOT NULL, setting INTEGER NOT NULL, policy TEXT NOT NULL, schedule TEXT NOT NULL,
      computed_calls INTEGER NOT NULL, calls INTEGER NOT NULL, predicted_seconds REAL NOT NULL,
      uncached_seconds REAL NOT NULL, error_of TEXT NOT NULL, \(errors),
      PRIMARY KEY (trace, setting, policy)) WITHOUT ROWID;
    CREATE TABLE breakpoint (
      trace INTEGER NOT NULL, setting INTEGER NOT NULL, policy TEXT NOT NULL, place INTEGER NOT NULL,
      value REAL NOT NULL, next REAL, PRIMARY KEY (trace, setting, policy, place)) WITHOUT ROWID;
    CREATE TABLE modality (
      trace INTEGER NOT NULL, setting INTEGER NOT NULL, policy TEXT NOT NULL, place INTEGER NOT NULL,
      modality TEXT NOT NULL, \(errors), PRIMARY KEY (trace, setting, policy, place)) WITHOUT ROWID;
    """
}
