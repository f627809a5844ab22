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

  private let open: [ReplayBatch.Source]
  private let places: Mutex<[Place]>

  /// With how often each trace will be released.
  init(_ open: [ReplayBatch.Source], uses: [Int]) {
    self.open = open
    places = Mutex(uses.map { Place(uses: $0) })
  }

  /// Policies that look at the same numbers remember together.
  func material(of trace: Int, for plan: PolicyPlan) throws -> Material {
    let source = try places.withLock { places in
      let source = try places[trace].source ?? open[trace]()
      places[trace].source = source
      return source
    }
    let geometries = try source(plan)
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
