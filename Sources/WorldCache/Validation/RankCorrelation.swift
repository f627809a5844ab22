/// Spearman's rank correlation: Pearson's of the ranks, equal values sharing the mean of theirs.
public enum RankCorrelation {
  /// Nil with fewer than two pairs, or where one side does not vary.
  public static func spearman(_ a: [Double], _ b: [Double]) -> Double? {
    precondition(a.count == b.count)
    guard a.count > 1 else { return nil }
    let (x, y) = (ranks(a), ranks(b))
    // Ranks of n values have the mean (n − 1) / 2, ties or not.
    let mean = Double(a.count - 1) / 2
    var (both, squareX, squareY) = (0.0, 0.0, 0.0)
    for (p, q) in zip(x, y) {
      both += (p - mean) * (q - mean)
      squareX += (p - mean) * (p - mean)
      squareY += (q - mean) * (q - mean)
    }
    return squareX > 0 && squareY > 0 ? both / (squareX * squareY).squareRoot() : nil
  }

  /// From 0 for the smallest.
  static func ranks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start
      while end + 1 < order.count, values[order[end + 1]] == values[order[start]] { end += 1 }
      for place in start...end { ranks[order[place]] = Double(start + end) / 2 }
      start = end + 1
    }
    return ranks
  }
}
