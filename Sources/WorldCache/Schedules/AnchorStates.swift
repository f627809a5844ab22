/// The newest computed calls as one number: digits of position + 1, newest first, 0 where there are fewer.
struct AnchorStates: Sendable {
  let callCount: Int
  let codeCount: Int
  /// Every code that can occur, ascending.
  let codes: [Int]
  /// The state after computing call 0.
  let start: Int
  private let depth: Int
  private let side: Int
  // side to the power of depth − 1: what the newest digit counts.
  private let lead: Int

  init(callCount: Int, depth: Int) {
    self.callCount = callCount
    self.depth = depth
    side = callCount + 1
    var lead = 1
    for _ in 1..<max(depth, 1) { lead *= side }
    self.lead = lead
    codeCount = lead * side
    start = lead
    var (found, frontier) = (Set([lead]), [lead])
    while let code = frontier.popLast() {
      for position in (code / lead)..<callCount {
        let next = (position + 1) * lead + code / side
        if found.insert(next).inserted { frontier.append(next) }
      }
    }
    codes = found.sorted()
  }

  /// Where a code stands among ``codes``; nil when it cannot occur.
  func place(of code: Int) -> Int? {
    var (low, high) = (0, codes.count)
    while low < high {
      let middle = (low + high) / 2
      if codes[middle] < code { low = middle + 1 } else { high = middle }
    }
    return low < codes.count && codes[low] == code ? low : nil
  }

  func newest(_ code: Int) -> Int { code / lead - 1 }
  func oldest(_ code: Int) -> Int { code % side }
  func code(_ code: Int, followedBy position: Int) -> Int { (position + 1) * lead + code / side }
  func code(before code: Int, lost digit: Int) -> Int { code % lead * side + digit }

  /// Positions, newest first.
  func anchors(_ code: Int) -> [Int] {
    var (anchors, divisor) = ([Int](), lead)
    for _ in 0..<depth {
      let digit = code / divisor % side
      if digit > 0 { anchors.append(digit - 1) }
      divisor /= side
    }
    return anchors
  }
}
