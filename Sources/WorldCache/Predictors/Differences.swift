import Trace

/// TaylorSeer's differences at the newest computed call, order by order (arXiv 2503.06923).
///
/// `D_0 = f`; at the computed call `a_0` with gap `g = a_0 − a_1` the difference of order i + 1 is
/// `(D_i(a_0) − D_i(a_1)) / g`, the newest gap for every order. Differences exist only at calls later than
/// `firstEnhance − 2` (Shenyi-Z/TaylorSeer 288776d).
enum Differences {
  /// `D_0`, `D_1`, … as far as they exist, up to `order`; `anchors` newest first.
  static func newest(anchors: [Int], order: Int, firstEnhance: Int) -> [Combination] {
    // Differences of one order at each anchor, as far back as they exist.
    var differences: [Combination?] = anchors.map { Combination(valueAt: $0) }
    var newest = [differences[0]!]
    while newest.count <= order {
      differences = anchors.indices.map { index in
        guard index + 1 < anchors.count, anchors[index] > firstEnhance - 2, let newer = differences[index],
          let older = differences[index + 1]
        else { return nil }
        return (newer - older) / Double(anchors[index] - anchors[index + 1])
      }
      guard let next = differences[0] else { break }
      newest.append(next)
    }
    return newest
  }
}
