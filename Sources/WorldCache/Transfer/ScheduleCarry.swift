/// A schedule made for chunks of one length, for chunks of another.
///
/// What stays is the part of the calls that is computed and how these are spread over the chunk: with n of T calls
/// computed at c(0) = 0 < … < c(n − 1), a chunk of T′ calls gets n′ = n T′ / T of them, rounded, and the k-th is at the
/// place c(u) (T′ − 1) / (T − 1), rounded, where u = k (n − 1) / (n′ − 1) and c is linear between whole numbers.
/// Places that meet move apart, to the later ones first; the first calls are computed as far as the predictor
/// needs them to begin.
enum ScheduleCarry {
  /// The computed positions in a chunk of `newCount` calls, ascending; the same ones for the same length.
  ///
  /// `computed` ascends from 0, within `count` calls; `anchorCount` is how many computed calls the predictor needs.
  static func positions(_ computed: [Int], of count: Int, to newCount: Int, anchorCount: Int) -> [Int] {
    precondition(computed.first == 0 && count > 0 && newCount > 0 && (computed.last ?? 0) < count)
    guard newCount != count else { return computed }
    let share = Double(computed.count * newCount) / Double(count)
    let size = min(newCount, max(1, anchorCount, Int(share.rounded())))
    let scale = count == 1 ? 0 : Double(newCount - 1) / Double(count - 1)
    var positions = (0..<size).map { place in
      guard place >= anchorCount else { return place }
      let rank = size == 1 ? 0 : Double(place * (computed.count - 1)) / Double(size - 1)
      let (low, high) = (Int(rank), min(Int(rank) + 1, computed.count - 1))
      let value = Double(computed[low]) + (rank - Double(low)) * Double(computed[high] - computed[low])
      return Int((value * scale).rounded())
    }
    for place in positions.indices.dropFirst() {
      positions[place] = max(positions[place], positions[place - 1] + 1)
    }
    for place in positions.indices.reversed() {
      positions[place] = min(positions[place], newCount - (size - place))
    }
    return positions
  }
}
