public import WorldCache

/// One machine's part of a study: every n-th search, from the i-th on.
public struct StudyShard: Hashable, Sendable, CustomStringConvertible {
  /// Counted from 1.
  public let place: Int
  public let count: Int

  /// Reads `2/7`; nil when it is no part of a whole.
  public init?(_ text: String) {
    let numbers = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 2, let place = numbers[0], let count = numbers[1],
      count >= 1, (1...count).contains(place)
    else { return nil }
    (self.place, self.count) = (place, count)
  }

  public var description: String { "\(place)/\(count)" }

  public func jobs(of all: [TuningSearch.Job]) -> [TuningSearch.Job] {
    all.enumerated().filter { $0.offset % count == place - 1 }.map(\.element)
  }
}
