/// The nearest known name to one that was not recognised.
enum Spelling {
  /// A remark such as ` (did you mean 'taylor'?)`; empty when nothing is close.
  static func hint(for written: String, in known: [String]) -> String {
    let ranked = known.map { (name: $0, distance: distance(written, $0)) }.min { $0.distance < $1.distance }
    guard let best = ranked, best.distance <= max(2, best.name.count / 2) else { return "" }
    return " (did you mean '\(best.name)'?)"
  }

  /// Insertions, deletions and substitutions between two words (Levenshtein distance).
  static func distance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a), Array(b))
    var row = Array(0...b.count)
    for i in 0..<a.count {
      var diagonal = row[0]
      row[0] = i + 1
      for j in 0..<b.count {
        let substituted = diagonal + (a[i] == b[j] ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count]
  }
}
