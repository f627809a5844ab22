/// Curves, histograms and maps in plain characters, for the terminal.
public enum Drawing {
  private static let shades = Array(" ░▒▓█")
  private static let eighths = Array(" ▁▂▃▄▅▆▇█")

  /// A column chart, one column of characters per value, with the scale on the left.
  ///
  /// `labels` are written under the columns that they belong to; values that are not finite are drawn as
  /// columns of exclamation marks.
  public static func columns(_ values: [Double], height: Int = 8, labels: [String], decimals: Int = 3)
    -> String
  {
    let top = values.filter(\.isFinite).max() ?? 0
    guard top > 0 else { return values.allSatisfy({ $0 == 0 }) ? "(all zero)" : "(not finite)" }
    let width = max(labels.map(\.count).max() ?? 1, 1) + 1
    let scale = [Table.decimal(top, decimals), Table.decimal(top / 2, decimals), Table.decimal(0, decimals)]
    let margin = scale.map(\.count).max()!
    var lines: [String] = []
    for row in stride(from: height - 1, through: 0, by: -1) {
      let label = row == height - 1 ? scale[0] : row == height / 2 - 1 ? scale[1] : row == 0 ? scale[2] : ""
      var line = String(repeating: " ", count: margin - label.count) + label + " ┤"
      for value in values {
        guard value.isFinite else {
          line += String(repeating: " ", count: width - 1) + "!"
          continue
        }
        let filled = value / top * Double(height * 8) - Double(row * 8)
        let block = eighths[max(0, min(8, Int(filled.rounded())))]
        line += String(repeating: " ", count: width - 1) + String(block)
      }
      lines.append(line)
    }
    var axis = String(repeating: " ", count: margin + 2)
    for label in labels { axis += String(repeating: " ", count: width - label.count) + label }
    lines.append(axis)
    return lines.joined(separator: "\n")
  }

  /// A horizontal bar chart: one line per bin, with its range, its bar and its count.
  public static func bars(_ bins: [(label: String, count: Int)], width: Int = 48) -> String {
    let most = bins.map(\.count).max() ?? 0
    let margin = bins.map(\.label.count).max() ?? 0
    return bins.map { bin in
      let length = most == 0 ? 0 : (bin.count * width + most - 1) / most
      return String(repeating: " ", count: margin - bin.label.count) + bin.label + " │"
        + String(repeating: "█", count: length) + " \(bin.count)"
    }.joined(separator: "\n")
  }

  /// A map of values as shades, dark to bright, two characters wide so that cells look square.
  public static func map(_ values: [[Double]], from low: Double, to high: Double) -> String {
    values.map { row in
      row.map { value in
        let level = high > low ? (value - low) / (high - low) : 0
        let shade = shades[max(0, min(4, Int((level * 5).rounded(.down))))]
        return String([shade, shade])
      }.joined()
    }.joined(separator: "\n")
  }
}
