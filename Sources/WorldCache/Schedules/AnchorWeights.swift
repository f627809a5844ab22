import Trace

/// What a predictor makes of every choice of anchors: the weights of each prediction of every streak.
///
/// For predictors that treat tokens alike and look back on at most three computed calls.
struct AnchorWeights: Sendable {
  /// The weights of the newest, second and third anchor; 1 minus their sum in the last lane, which the
  /// origin takes.
  typealias Weights = SIMD4<Double>

  let states: AnchorStates
  /// The largest sum of absolute weights of one error, the predicted call's own among them.
  let largestSum: Double
  // Predicted calls that may follow each state, by its place, and where their weights begin.
  private let counts: [Int]
  private let starts: [Int]
  private let weights: [Weights]
  // By code; -1 where it cannot occur.
  private let places: [Int32]
  // By place.
  private let anchors: [SIMD4<Int32>]

  init(
    callCount: Int, _ predictor: any Predictor, longestStreak: Int?,
    progress: @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }
  ) throws {
    let states = AnchorStates(callCount: callCount, depth: predictor.anchorCount)
    let longest = min(longestStreak ?? Int.max, predictor.longestStreak ?? Int.max)
    let rows = try OrderedJobs.run(states.codes.count, inBatchesOf: 64, progress: progress) { place in
      let anchors = states.anchors(states.codes[place])
      let count = min(callCount - 1 - anchors[0], longest)
      guard anchors.count >= predictor.minimumAnchorCount, count > 0 else { return [Weights]() }
      return (1..<(count + 1)).map { distance in
        var weights = Weights(0, 0, 0, 1)
        for term in predictor.combinations(anchors: anchors, distance: distance)[0].terms {
          guard let lane = anchors.firstIndex(of: term.position) else {
            preconditionFailure("a predictor looks back on calls that are not among its anchors")
          }
          weights[lane] += term.weight
          weights[3] -= term.weight
        }
        return weights
      }
    }
    self.states = states
    counts = rows.map(\.count)
    starts = rows.reduce(into: [0]) { $0.append($0.last! + $1.count) }
    weights = rows.flatMap { $0 }
    largestSum = weights.reduce(1) { max($0, 1 + $1.replacing(with: -$1, where: $1 .< 0).sum()) }
    var places = [Int32](repeating: -1, count: states.codeCount)
    for (place, code) in states.codes.enumerated() { places[code] = Int32(place) }
    self.places = places
    anchors = states.codes.map { code in
      var lanes = SIMD4<Int32>(repeating: 0)
      for (lane, position) in states.anchors(code).enumerated() { lanes[lane] = Int32(position) }
      return lanes
    }
  }

  var callCount: Int { states.callCount }
  /// Where call 0 alone has been computed.
  var start: Int { Int(places[states.start]) }

  func newest(_ place: Int) -> Int { Int(anchors[place][0]) }
  /// The computed calls of a state, newest first; 0 in the lanes that it does not have, whose weights are 0.
  func anchors(_ place: Int) -> SIMD4<Int32> { anchors[place] }
  /// Most predicted calls after a state.
  func longestStreak(_ place: Int) -> Int { counts[place] }
  /// Weights of the prediction `distance` calls after the newest anchor, at most ``longestStreak(_:)``.
  func weights(_ place: Int, _ distance: Int) -> Weights { weights[starts[place] + distance - 1] }
  func place(_ place: Int, followedBy position: Int) -> Int {
    Int(places[states.code(states.codes[place], followedBy: position)])
  }

  /// How many calls in a row may be predicted after a state, by the constraints too.
  func skips(_ place: Int, _ constraints: ScheduleConstraints) -> Int {
    newest(place) + 1 >= constraints.warmUp ? counts[place] : 0
  }

  /// Whether a stream may end after a state, all calls after its newest anchor predicted.
  func mayEnd(_ place: Int, _ constraints: ScheduleConstraints) -> Bool {
    let tail = callCount - 1 - newest(place)
    return tail == 0 || !constraints.lastComputed && tail <= skips(place, constraints)
  }

  /// The predicted calls of a schedule with their states; nil where the predictor is not defined throughout.
  func predictions(of schedule: [Int]) -> [(place: Int, distance: Int)]? {
    var (found, place) = ([(place: Int, distance: Int)](), start)
    for (index, position) in schedule.enumerated() {
      if index > 0 { place = self.place(place, followedBy: position) }
      let skipped = (index + 1 < schedule.count ? schedule[index + 1] : callCount) - position - 1
      guard skipped <= counts[place] else { return nil }
      for distance in 1..<(skipped + 1) { found.append((place, distance)) }
    }
    return found
  }
}
