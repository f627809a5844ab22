import Trace

/// Schedules tried one computed call after another, and given up where no continuation can be good enough.
///
/// However a beginning goes on, its error is at least as large as what it goes along a direction plus the least that any
/// continuation goes along it; those are worked out once for every state and number of calls left. The directions are
/// those of a ``DirectHull``, and the largest of their bounds counts.
struct DirectBranching {
  // Lanes of eight directions.
  private typealias Lanes = SIMD8<Double>

  /// What was found below the threshold; nil where nothing is.
  private(set) var best: (schedule: [Int], error: Double)?
  private(set) var nodeCount = 0
  private let errors: DirectErrors
  private let anchors: AnchorWeights
  private let constraints: ScheduleConstraints
  private let count: Int
  private let blocks: Int
  // `(position · (callCount + 1) + other) · blocks + block`.
  private let costs: [Lanes]
  // The least along the directions from a state on: `(place · count + calls left) · blocks + block`.
  private let rest: [Lanes]
  private var limit = 0.0
  private var mostNodes = 0
  private var schedule: [Int] = []
  // By depth: how far the beginning goes along the directions; those of its continuations, with what they are.
  private var lengths: [Lanes]
  private var children: [[(bound: Double, position: Int, place: Int, slot: Int)]]

  /// Bounds within this part of the limit are as large as it.
  static let tolerance = 1e-9
  static let mostFaces = 48
  /// Bytes that the least lengths may take.
  static let mostBytes = 128 << 20

  /// Takes the faces with the largest bounds.
  ///
  /// Cost: one pass over all states, continuations and numbers of calls for every eight of them.
  init(
    _ errors: DirectErrors, _ constraints: ScheduleConstraints, computing count: Int,
    _ faces: [DirectHull.Face]
  ) {
    self.errors = errors
    self.constraints = constraints
    self.count = count
    let anchors = errors.anchors
    self.anchors = anchors
    let (callCount, stateCount) = (anchors.callCount, anchors.states.codes.count)
    let fitting = DirectBranching.mostBytes / (MemoryLayout<Lanes>.size * stateCount * count)
    let most = min(DirectBranching.mostFaces, max(1, fitting) * Lanes.scalarCount)
    let chosen = Array(
      faces.enumerated().sorted { ($1.element.bound, $0.offset) < ($0.element.bound, $1.offset) }
        .prefix(most).map(\.element))
    let blocks = (chosen.count + Lanes.scalarCount - 1) / Lanes.scalarCount
    self.blocks = blocks
    func lanes(_ block: Int, _ value: (DirectHull.Face) -> Double) -> Lanes {
      var lanes = Lanes()
      for lane in lanes.indices {
        lanes[lane] = value(chosen[min(block * Lanes.scalarCount + lane, chosen.count - 1)])
      }
      return lanes
    }
    let costs = (0..<(callCount * (callCount + 1) * blocks)).map { entry in
      lanes(entry % blocks) { $0.direction.table[entry / blocks] }
    }
    self.costs = costs
    let slack = (0..<blocks).map { lanes($0, \.direction.slack) }
    var rest = [Lanes](repeating: Lanes(repeating: .infinity), count: stateCount * count * blocks)
    var lengths = [Lanes](repeating: Lanes(), count: blocks)
    // Computing a later call leads to a later state.
    for place in (0..<stateCount).reversed() {
      let (newest, own) = (anchors.newest(place), place * count * blocks)
      for block in 0..<blocks { lengths[block] = -slack[block] }
      for skipped in 0..<(anchors.skips(place, constraints) + 1) {
        if skipped > 0 {
          DirectBranching.predict(anchors, place, skipped, costs, blocks, &lengths, from: 0)
        }
        guard newest + 1 + skipped < callCount else {
          if anchors.mayEnd(place, constraints) {
            for block in 0..<blocks { rest[own + block] = lengths[block] }
          }
          break
        }
        let next = anchors.place(place, followedBy: newest + 1 + skipped) * count * blocks
        for block in 0..<blocks {
          // The slack is taken once, at the end of a schedule.
          let length = lengths[block] + slack[block]
          var entry = block + blocks
          while entry < count * blocks {
            let sum = length + rest[next + entry - blocks]
            rest[own + entry] = rest[own + entry].replacing(with: sum, where: sum .< rest[own + entry])
            entry += blocks
          }
        }
      }
    }
    self.rest = rest
    self.lengths = [Lanes](repeating: Lanes(), count: (count + 1) * (callCount + 1) * blocks)
    children = Array(repeating: [], count: count + 1)
  }

  /// Adds one prediction's part along the directions.
  @inline(__always)
  private static func predict(
    _ anchors: AnchorWeights, _ place: Int, _ distance: Int, _ costs: [Lanes], _ blocks: Int,
    _ lengths: inout [Lanes], from first: Int
  ) {
    let (own, weights) = (anchors.anchors(place), anchors.weights(place, distance))
    let (callCount, position) = (anchors.callCount, Int(own[0]) + distance)
    let row = position * (callCount + 1)
    let (a, b, c) = ((row + Int(own[0])) * blocks, (row + Int(own[1])) * blocks, (row + Int(own[2])) * blocks)
    let (itself, origin) = ((row + position) * blocks, (row + callCount) * blocks)
    var block = 0
    while block < blocks {
      var step = weights[0] * costs[a + block] - costs[itself + block]
      step += weights[1] * costs[b + block] + weights[2] * costs[c + block]
      lengths[first + block] += step + weights[3] * costs[origin + block]
      block += 1
    }
  }

  /// Looks for schedules with errors below a threshold, the best of which is kept.
  ///
  /// True when all there are have been ruled out or tried, so that none is below the threshold or what was found; false
  /// when that takes more than so many nodes. `progress` is told the number of nodes now and then.
  mutating func search(
    below threshold: Double, mostNodes: Int, progress: (_ nodeCount: Int) -> Void = { _ in }
  ) -> Bool {
    guard blocks > 0 else { return false }
    limit = min(threshold, best?.error ?? .infinity)
    self.mostNodes = nodeCount + mostNodes
    schedule = [0]
    for block in 0..<blocks { lengths[block] = Lanes() }
    return visit(anchors.start, depth: 0, slot: 0, progress)
  }

  // A beginning of depth + 1 computed calls, whose lengths stand in a slot of its depth.
  private mutating func visit(_ place: Int, depth: Int, slot: Int, _ progress: (Int) -> Void) -> Bool {
    let left = count - 1 - depth
    guard left > 0 else {
      if let error = errors.error(of: schedule), error < limit {
        best = (schedule, error)
        limit = error
      }
      return true
    }
    let (newest, callCount) = (anchors.newest(place), anchors.callCount)
    let own = (depth * (callCount + 1) + slot) * blocks
    let running = ((depth + 1) * (callCount + 1) + callCount) * blocks
    var block = 0
    while block < blocks {
      lengths[running + block] = lengths[own + block]
      block += 1
    }
    children[depth].removeAll(keepingCapacity: true)
    for skipped in 0..<(anchors.skips(place, constraints) + 1) {
      if skipped > 0 {
        DirectBranching.predict(anchors, place, skipped, costs, blocks, &lengths, from: running)
      }
      let position = newest + 1 + skipped
      guard position + left <= callCount else { break }
      nodeCount += 1
      if nodeCount & 0xF_FFFF == 0 { progress(nodeCount) }
      let next = anchors.place(place, followedBy: position)
      let first = (next * count + left - 1) * blocks
      var bounds = lengths[running] + rest[first]
      block = 1
      while block < blocks {
        let others = lengths[running + block] + rest[first + block]
        bounds = bounds.replacing(with: others, where: others .> bounds)
        block += 1
      }
      let bound = bounds.max()
      guard bound < limit * (1 - DirectBranching.tolerance) else { continue }
      let slot = children[depth].count
      let kept = ((depth + 1) * (callCount + 1) + slot) * blocks
      block = 0
      while block < blocks {
        lengths[kept + block] = lengths[running + block]
        block += 1
      }
      children[depth].append((bound, position, next, slot))
    }
    children[depth].sort { ($0.bound, $0.position) < ($1.bound, $1.position) }
    for index in children[depth].indices {
      let child = children[depth][index]
      guard child.bound < limit * (1 - DirectBranching.tolerance) else { break }
      guard nodeCount < mostNodes else { return false }
      schedule.append(child.position)
      let isDone = visit(child.place, depth: depth + 1, slot: child.slot, progress)
      schedule.removeLast()
      guard isDone else { return false }
    }
    return true
  }
}
