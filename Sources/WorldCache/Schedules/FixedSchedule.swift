import Trace

/// Computes the calls that a timetable names and predicts the others.
struct FixedSchedule: Policy {
  /// Which calls of one chunk and branch are computed.
  enum Calls: Hashable, Sendable {
    /// Positions in ascending order; for chunks of any length that holds them.
    case positions([Int])
    /// One entry for each call of the chunk, true where it is computed.
    case mask([Bool])

    /// Whether it is of one number of calls.
    var isMask: Bool { if case .mask = self { true } else { false } }

    /// True where a call is computed; nil where the timetable is not one of so many calls.
    func mask(callCount: Int) -> [Bool]? {
      switch self {
      case .mask(let bits): return bits.count == callCount ? bits : nil
      case .positions(let positions):
        guard positions.last! < callCount else { return nil }
        var bits = [Bool](repeating: false, count: callCount)
        for position in positions { bits[position] = true }
        return bits
      }
    }
  }

  let spec: PolicySpec
  let site: Site?
  /// `[chunk][branch]`; a single chunk or branch serves all.
  private let calls: [[Calls]]
  private let source: String
  /// What the timetable is valid for, by chunk; a single one serves all.
  private let uses: [ValidityUse]
  private var forecaster: Forecaster
  private var computed: Set<Int> = []

  /// `source` names the timetable in errors.
  init(
    spec: PolicySpec, site: Site, predictor: any Predictor, calls: [[Calls]], source: String,
    uses: [ValidityUse] = []
  ) {
    self.spec = spec
    self.site = site
    self.calls = calls
    self.source = source
    self.uses = uses
    forecaster = Forecaster(predictor)
  }

  /// One timetable for all chunks and branches.
  init(spec: PolicySpec, site: Site, predictor: any Predictor, calls: Calls, source: String) {
    self.init(spec: spec, site: site, predictor: predictor, calls: [[calls]], source: source)
  }

  var coupling: Coupling { calls.contains { $0.count > 1 } ? .separate : .pooled }
  var predictor: (any Predictor)? { forecaster.predictor }

  func check(_ geometry: Geometry) throws {
    guard calls.count == 1 || geometry.chunk < calls.count else {
      throw PolicyError("\(source) has \(calls.count) chunks; the trace has a chunk \(geometry.chunk)")
    }
    let branches = calls[calls.count == 1 ? 0 : geometry.chunk]
    try use(of: geometry)?.check(geometry, isByCall: branches.contains(where: \.isMask))
    guard branches.count == 1 || branches.count == geometry.branchCount else {
      throw PolicyError(
        "\(source) has timetables for \(branches.count) branches; the trace has \(geometry.branchCount)"
          + (geometry.site == .guided ? " at the site guided" : ""))
    }
    for (branch, calls) in branches.enumerated() {
      let place = "chunk \(geometry.chunk)" + (branches.count > 1 ? ", branch \(branch)" : "")
      if case .mask(let mask) = calls, mask.count != geometry.callCount {
        throw PolicyError(
          "\(source) has \(mask.count) calls for \(place), which has \(geometry.callCount)")
      }
      let computed = FixedSchedule.computed(calls)
      if let beyond = computed.first(where: { $0 >= geometry.callCount }) {
        throw PolicyError(
          "\(source) computes call \(beyond) of \(place), which has the calls 0 to \(geometry.callCount - 1)")
      }
      try checkAnchors(Set(computed), geometry, place)
    }
  }

  func findings(on geometry: Geometry) -> [Finding] {
    use(of: geometry)?.findings(on: geometry, spec) ?? []
  }

  private func use(of geometry: Geometry) -> ValidityUse? {
    uses.count > 1 ? uses[geometry.chunk] : uses.first
  }

  // Every predicted call must have enough computed ones before it, of its own expert.
  private func checkAnchors(_ computed: Set<Int>, _ geometry: Geometry, _ place: String) throws {
    let needed = forecaster.predictor.minimumAnchorCount
    for segment in geometry.segments {
      var count = 0
      for position in segment {
        if computed.contains(position) {
          count += 1
        } else if count < needed {
          let start =
            segment.lowerBound > 0 ? " since call \(segment.lowerBound), where another expert begins" : ""
          throw PolicyError(
            "\(source) predicts call \(position) of \(place) after \(count) computed calls\(start); "
              + "the predictor \(forecaster.predictor.name) needs \(needed)")
        }
      }
    }
  }

  /// The computed positions, where one timetable serves all chunks and branches.
  var timetable: [Int]? {
    calls.count == 1 && calls[0].count == 1 ? FixedSchedule.computed(calls[0][0]) : nil
  }

  /// What the timetable is valid for, by chunk; a single one serves all, none where that is not known.
  var domains: [ValidityDomain] { uses.map(\.domain) }

  /// Every call of every chunk; nil where the number of calls is left open.
  ///
  /// Positions of several chunks are of as many calls as the chunks that they are valid for, or of `callCount`.
  func wholeTimetable(callCount: Int?) -> Timetable? {
    var chunks: [[[Bool]]] = []
    for (chunk, branches) in calls.enumerated() {
      let count = uses.isEmpty ? callCount : uses[uses.count == 1 ? 0 : chunk].domain.callCount
      let masks = branches.compactMap { branch -> [Bool]? in
        if case .mask(let mask) = branch { return mask }
        return calls.count == 1 ? nil : count.flatMap { branch.mask(callCount: $0) }
      }
      guard masks.count == branches.count else { return nil }
      chunks.append(masks)
    }
    return Timetable(chunks)
  }

  private static func computed(_ calls: Calls) -> [Int] {
    switch calls {
    case .positions(let positions): positions
    case .mask(let mask): mask.indices.filter { mask[$0] }
    }
  }

  mutating func begin(_ stream: CallStream) {
    let branches = calls[calls.count == 1 ? 0 : stream.chunk]
    computed = Set(FixedSchedule.computed(branches[branches.count == 1 ? 0 : stream.branch]))
    forecaster.reset()
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    Decision(computed.contains(position) ? .compute : .predict, .schedule)
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    forecaster.prediction(at: position)
  }

  mutating func computed(at position: Int, signals: some Signals) {
    forecaster.computed(at: position, signals: signals)
  }
}
