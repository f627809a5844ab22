import Synchronization

/// An array that several threads fill, each at its own positions.
final class LockedArray<Element: Sendable>: Sendable {
  private let storage: Mutex<[Element]>

  init(_ values: [Element]) { storage = Mutex(values) }

  func set(_ index: Int, _ value: Element) { storage.withLock { $0[index] = value } }

  var values: [Element] { storage.withLock { $0 } }
}
