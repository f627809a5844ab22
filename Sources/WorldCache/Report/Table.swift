/// Rows and named columns, printed in one of four formats.
public struct Table: Sendable {
  /// One cell; numbers keep their full precision in JSON and CSV.
  public enum Cell: Sendable, Hashable {
    case text(String)
    case integer(Int)
    /// A number and how many decimals a person wants to see.
    case number(Double, decimals: Int)
    /// Bytes, shown as megabytes.
    case bytes(Int)
    /// Not defined here; prints as n/a and is null in JSON.
    case none
  }

  public struct Column: Sendable, Hashable {
    /// The heading for people.
    public var title: String
    /// The key in JSON and CSV, with its unit.
    public var key: String

    public init(_ title: String, key: String) {
      self.title = title
      self.key = key
    }
  }

  public var columns: [Column]
  public private(set) var rows: [[Cell]] = []

  public init(columns: [Column]) { self.columns = columns }

  public mutating func append(_ row: [Cell]) {
    precondition(row.count == columns.count, "a row has one cell per column")
    rows.append(row)
  }

  public func formatted(_ format: TableFormat) -> String {
    switch format {
    case .table: aligned(separator: "  ", markdown: false)
    case .markdown: aligned(separator: " | ", markdown: true)
    case .csv: csv
    case .json: json.text
    }
  }

  /// The rows as JSON objects.
  public var json: JSONValue {
    .array(
      rows.map { row in
        .object(zip(columns, row).map { ($0.key, $1.json) })
      })
  }

  private var csv: String {
    let lines =
      [columns.map { Table.quoted($0.key) }]
      + rows.map { $0.map { Table.quoted($0.exact) } }
    return lines.map { $0.joined(separator: ",") }.joined(separator: "\n")
  }

  private static func quoted(_ text: String) -> String {
    text.contains(where: { ",\"\n".contains($0) })
      ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
  }

  private func aligned(separator: String, markdown: Bool) -> String {
    let cells = [columns.map(\.title)] + rows.map { $0.map(\.shown) }
    let widths = columns.indices.map { column in cells.map { $0[column].count }.max()! }
    func line(_ row: [String], _ isNumber: (Int) -> Bool) -> String {
      let padded = row.indices.map { column in
        let space = String(repeating: " ", count: widths[column] - row[column].count)
        return isNumber(column) ? space + row[column] : row[column] + space
      }
      let joined = padded.joined(separator: separator)
      if markdown { return "| " + joined + " |" }
      return String(
        joined[..<(joined.lastIndex { $0 != " " }.map(joined.index(after:)) ?? joined.startIndex)])
    }
    let isNumber = { (column: Int) in rows.contains { $0[column].isNumber } }
    var lines = [line(cells[0], isNumber)]
    if markdown {
      lines.append(
        "| "
          + columns.indices.map { column in
            isNumber(column)
              ? String(repeating: "-", count: max(widths[column] - 1, 1)) + ":"
              : String(repeating: "-", count: widths[column])
          }.joined(separator: separator) + " |")
    } else {
      lines.append(
        String(repeating: "-", count: lines[0].count > 0 ? widths.reduce(0, +) + 2 * (widths.count - 1) : 0))
    }
    lines += cells.dropFirst().map { line($0, isNumber) }
    return lines.joined(separator: "\n")
  }
}

/// How results are printed.
public enum TableFormat: String, Sendable, CaseIterable { case table, json, csv, markdown }

extension Table.Cell {
  var isNumber: Bool {
    switch self {
    case .integer, .number, .bytes: true
    case .text, .none: false
    }
  }

  /// For people.
  var shown: String {
    switch self {
    case .text(let text): text
    case .integer(let number): String(number)
    case .number(let number, let decimals): Table.decimal(number, decimals)
    case .bytes(let count): Table.decimal(Double(count) / 1e6, 2)
    case .none: "n/a"
    }
  }

  /// For programs.
  var exact: String {
    switch self {
    case .text(let text): text
    case .integer(let number), .bytes(let number): String(number)
    case .number(let number, _): "\(number)"
    case .none: ""
    }
  }

  var json: JSONValue {
    switch self {
    case .text(let text): .string(text)
    case .integer(let number), .bytes(let number): .integer(number)
    case .number(let number, _): .number(number)
    case .none: .null
    }
  }
}

extension Table {
  /// A number with four significant digits or so, to look at and not to write down.
  static func short(_ value: Double) -> String {
    guard value != 0, abs(value) < 1e15 else { return value.shortest }
    if abs(value) < 1e-300 { return "0" }
    var decimals = 3
    var size = abs(value)
    while size < 1, decimals < 12 {
      size *= 10
      decimals += 1
    }
    return Table.decimal(value, decimals)
  }

  /// A number with a fixed count of decimals, rounded half away from zero.
  public static func decimal(_ number: Double, _ decimals: Int) -> String {
    guard number.isFinite, abs(number) < 1e12 else { return "\(number)" }
    var scale = 1
    for _ in 0..<decimals { scale *= 10 }
    let units = Int((abs(number) * Double(scale)).rounded())
    let sign = number < 0 && units > 0 ? "-" : ""
    guard decimals > 0 else { return sign + String(units) }
    let fraction = String(units % scale)
    return sign + String(units / scale) + "." + String(repeating: "0", count: decimals - fraction.count)
      + fraction
  }
}
