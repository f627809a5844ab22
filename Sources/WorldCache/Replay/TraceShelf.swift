import Synchronization
import Trace

/// Traces that are open: each from its first use to its last, with what replays over it share.
final class TraceShelf: Sendable {
  /// What replays over one trace share.
  struct Material: Sendable {
    var geometries: [Geometry]
    var memories: [ReplayMemo]
  }

  private struct Place {
    var uses: Int
    var source: (@Sendable (PolicyPlan) throws -> [Geometry])?
    var memories: [GeometryRequest?: [ReplayMemo]] = [:]
  }

  private let sources: [ReplayBatch.Source]
  private let places: Mutex<[Place]>

  /// With how often each trace will be released.
  init(_ sources: [ReplayBatch.Source], uses: [Int]) {
    self.sources = sources
    places = Mutex(uses.map { Place(uses: $0) })
  }

  /// Opens a trace unless it is open, and answers with what it has.
  @discardableResult
  func open(_ trace: Int) throws -> @Sendable (PolicyPlan) throws -> [Geometry] {
    try places.withLock { places in
      let source = try places[trace].source ?? sources[trace]()
      places[trace].source = source
      return source
    }
  }

  /// Policies that look at the same numbers remember together.
  func material(of trace: Int, for plan: PolicyPlan) throws -> Material {
    let geometries = try open(trace)(plan)
    let request = try plan.request(blockCount: geometries[0].blockCount)
    return places.withLock { places in
      let memories = places[trace].memories[request] ?? geometries.map { _ in ReplayMemo() }
      places[trace].memories[request] = memories
      return Material(geometries: geometries, memories: memories)
    }
  }

  func release(_ trace: Int) {
    places.withLock { places in
      places[trace].uses -= 1
      if places[trace].uses == 0 { places[trace] = Place(uses: 0) }
    }
  }
}
