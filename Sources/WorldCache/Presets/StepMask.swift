/// cache-dit's masks of computed calls for any number of calls (vipshop/cache-dit f86744a and 1.5.3,
/// `steps_mask`).
///
/// Each preset is a pair of lists: so many calls computed, so many cached, and so on in turn. Made by hand
/// for 28 calls; other numbers stretch or cut the lists. The last call is always computed.
enum StepMask: String, CaseIterable, Sendable {
  case slow, medium, fast, ultra

  /// Numbers of calls for which there are masks, in words.
  static let allowedCallCounts = "4, 6 or at least 8"

  /// True where a call is computed; nil for numbers of calls that have no mask.
  func mask(callCount: Int) -> [Bool]? {
    guard callCount >= 8 || callCount == 4 || callCount == 6 else { return nil }
    var bins = bins(callCount: callCount)
    bins.grow(to: callCount)
    bins.cut(to: callCount)
    var mask = bins.mask
    mask[callCount - 1] = true
    return mask
  }

  private func bins(callCount: Int) -> Bins {
    let all: [Bins] =
      switch callCount {
      case 4: Array(repeating: Bins([2, 1], [1]), count: 4)
      case 6: Array(repeating: Bins([3, 1], [2]), count: 4)
      case 8:
        [
          Bins([5, 1, 1], [1]), Bins([4, 1, 1], [1, 1]), Bins([3, 1, 1], [1, 2]), Bins([2, 1, 1], [2, 2]),
        ]
      case 9:
        [
          Bins([5, 2, 1], [1]), Bins([5, 1, 1], [1, 1]), Bins([4, 1, 1], [1, 2]), Bins([3, 1, 1], [2, 2]),
        ]
      case ...15:
        [
          Bins([4, 2, 2, 2, 1], [1, 1, 1, 1]), Bins([4, 2, 1, 1, 1], [1, 1, 2, 2]),
          Bins([3, 1, 1, 1, 1], [1, 2, 2, 3]), Bins([2, 1, 1, 1, 1], [1, 2, 3, 3]),
        ]
      default:
        [
          Bins([8, 3, 3, 2, 1, 1], [1, 2, 2, 2, 3]), Bins([6, 2, 2, 2, 2, 1], [1, 3, 3, 3, 3]),
          Bins([6, 1, 1, 1, 1, 1], [1, 3, 4, 5, 4]), Bins([4, 1, 1, 1, 1], [2, 5, 6, 7]),
        ]
      }
    return all[StepMask.allCases.firstIndex(of: self)!]
  }

  private struct Bins {
    var computed: [Int]
    var cached: [Int]

    init(_ computed: [Int], _ cached: [Int]) {
      self.computed = computed
      self.cached = cached
    }

    private var total: Int { computed.reduce(0, +) + cached.reduce(0, +) }

    /// Stretches the bins one after another until they hold `callCount` calls.
    mutating func grow(to callCount: Int) {
      guard callCount > 28 else { return }
      let (computedBase, cachedBase) = (computed, cached)
      func growth(_ base: Int) -> Int { max(Int(Double(base) * (Double(callCount) / 28 * 0.5)), 1) }
      while total < callCount {
        for index in 0..<min(computed.count, cached.count) {
          computed[index] += growth(computedBase[index])
          if total >= callCount { return }
          cached[index] += growth(cachedBase[index])
          if total >= callCount { return }
        }
        computed[computed.count - 1] += 1
      }
    }

    /// Takes calls from the last cached and the last computed bin in turn.
    mutating func cut(to callCount: Int) {
      while total > callCount {
        Bins.shorten(&cached)
        if total > callCount { Bins.shorten(&computed) }
      }
    }

    private static func shorten(_ bins: inout [Int]) {
      guard let last = bins.last else { return }
      bins[bins.count - 1] = last - 1
      if last == 1 { bins.removeLast() }
    }

    var mask: [Bool] {
      (0..<max(computed.count, cached.count)).flatMap { index in
        Array(repeating: true, count: index < computed.count ? computed[index] : 0)
          + Array(repeating: false, count: index < cached.count ? cached[index] : 0)
      }
    }
  }
}
