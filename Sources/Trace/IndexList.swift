/// Whole numbers from 0 on, written as items joined by commas: `7`, `0..24`, `0..48/2` (every second), `10..`.
///
/// Ranges include both ends. An item without an end goes on for ever.
public struct IndexList: Hashable, Sendable, CustomStringConvertible {
  private struct Item: Hashable {
    var first: Int
    var last: Int?
    var stride: Int
  }

  private let items: [Item]
  /// As it was written.
  public let description: String

  /// Reads a list; nil when it is none, or when an item is empty.
  public init?(_ text: String) {
    var items: [Item] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let match = part.wholeMatch(of: /([0-9]+)(\.\.([0-9]+)?)?(\/([0-9]+))?/),
        let first = Int(match.output.1), let stride = match.output.5.map({ Int($0) }) ?? 1, stride > 0,
        match.output.5 == nil || match.output.2 != nil
      else { return nil }
      let isRange = match.output.2 != nil
      let last = match.output.3.map { Int($0) }
      if case .some(.none) = last { return nil }
      let item = Item(first: first, last: isRange ? last ?? nil : first, stride: stride)
      guard item.last.map({ $0 >= first }) ?? true else { return nil }
      items.append(item)
    }
    self.items = items
    description = text
  }

  public func contains(_ index: Int) -> Bool {
    items.contains { item in
      index >= item.first && item.last.map { index <= $0 } ?? true
        && (index - item.first).isMultiple(of: item.stride)
    }
  }

  /// The numbers in the order in which they are written, each once; nil when there are more than `limit`.
  public func indices(limit: Int) -> [Int]? {
    var found: [Int] = []
    var seen: Set<Int> = []
    for item in items {
      guard let last = item.last, (last - item.first) / item.stride < limit else { return nil }
      for index in stride(from: item.first, through: last, by: item.stride) where seen.insert(index).inserted
      {
        found.append(index)
      }
      guard found.count <= limit else { return nil }
    }
    return found
  }
}
