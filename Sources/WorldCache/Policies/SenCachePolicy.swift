import Trace

/// Bounds the change of the output by tabulated sensitivities to latent and timestep (SenCache, CVPR 2026,
/// arXiv 2602.24208).
///
/// `err = Jz ‖X_s − X_a‖ + Jt |t_s − t_a|` with a the last computed call and both sensitivities from
/// the tabulated timestep nearest to t_a; predict while err is below the threshold and fewer than `cap`
/// steps have been predicted in a row. The threshold is `start` in the first fifth (rounded, halves to even) and `main` after
/// it, both times `scale`, about the root of the latent's size. The first guidance branch decides for all. What is
/// held is the residual of the whole stack.
struct SenCachePolicy: Policy {
  static let entry = PolicyEntry(
    name: "sencache", summary: "Bounds the output's change by tabulated sensitivities (SenCache).",
    source: "arXiv 2602.24208; vita-epfl/SenCache 4bf419b (Wan 2.1, CogVideoX, LTX-Video).",
    standIn:
      "The authors measure jz and jt with extra evaluations of the model and publish no tables: unless you give "
      + "yours, constants stand for them.",
    parameters: [
      Parameter("model", .choice(["wan", "cogvideox", "ltx"]), default: "wan", "whose defaults and clock"),
      Parameter(
        "jz", .numbers, default: "1", "sensitivity to the latent, one for each of `times` or one for all"),
      Parameter(
        "jt", .numbers, default: "0", "sensitivity to the timestep, one for each of `times` or one for all"),
      Parameter("times", .numbers, default: "0", "timesteps of the tables"),
      Parameter(
        "start", .real(0...Double.greatestFiniteMagnitude), default: "0.005",
        by: .init(key: "model", values: ["ltx": "0.01"]), "threshold in the first fifth"),
      Parameter(
        "main", .real(0...Double.greatestFiniteMagnitude), default: "0.07",
        by: .init(key: "model", values: ["ltx": "0.7"]), "threshold after it"),
      Parameter(
        "scale", .real(0...Double.greatestFiniteMagnitude), default: "1447.97790038",
        by: .init(key: "model", values: ["cogvideox": "1099.8181667894016", "ltx": "1015.9685034488028"]),
        "factor of both thresholds, for the latent's size"),
      Parameter(
        "cap", .integer(0...Int.max), default: "10", by: .init(key: "model", values: ["ltx": "4"]),
        "steps predicted in a row at most (K)"),
      Parameter(
        "ends", .integer(0...1_000_000), default: "0",
        by: .init(key: "model", values: ["cogvideox": "1", "ltx": "1"]),
        "evaluations computed at the start and at the end (LTX: 2 % of them, which is 1 of 50)"),
    ],
    thresholds: [
      Threshold("main", factors: ["scale"], .predictBelow),
      Threshold("start", factors: ["scale"], .predictBelow),
      Threshold("scale", factors: ["start", "main"], .predictBelow),
    ],
    kind: .ordinary { try SenCachePolicy($0) })

  private static let latent = ChangeRequest(Quantity(.latent), .all)

  let spec: PolicySpec
  private let countsBranches: Bool
  private let latentSensitivities: [Double]
  private let timeSensitivities: [Double]
  private let times: [Double]
  private let startThreshold: Double
  private let mainThreshold: Double
  private let cap: Int
  private let ends: Int
  private var stream: CallStream?
  private var forecaster = Forecaster(HoldPredictor())
  private var streak = 0

  init(_ values: ParameterValues) throws {
    spec = values.spec
    countsBranches = values.choice("model") == "wan"
    latentSensitivities = values.numbers("jz")
    timeSensitivities = values.numbers("jt")
    times = values.numbers("times")
    startThreshold = values.real("start") * values.real("scale")
    mainThreshold = values.real("main") * values.real("scale")
    cap = values.integer("cap")
    ends = values.integer("ends")
    for (key, table) in [("jz", latentSensitivities), ("jt", timeSensitivities)]
    where table.count != 1 && table.count != times.count {
      throw PolicyError(
        "\(key) of policy 'sencache' has \(table.count) numbers and times has \(times.count); \(key) takes one number, or "
          + "one for each of times")
    }
  }

  var site: Site? { .stack }
  var station: Tap { .hidden(0) }
  var coupling: Coupling { .lead }
  var predictor: (any Predictor)? { forecaster.predictor }
  func changes(blockCount: Int) -> [ChangeRequest] { [SenCachePolicy.latent] }

  mutating func begin(_ stream: CallStream) {
    self.stream = stream
    streak = 0
    forecaster.reset()
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    let stream = stream!
    let factor = countsBranches ? stream.branchCount : 1
    let (call, count) = (stream.index(of: position) * factor, stream.count * factor)
    guard let anchor = forecaster.anchors.first, call >= ends else { return Decision(.compute, .warmUp) }
    if call >= count - ends { return Decision(.compute, .lastCall) }
    let isStart = call < Int((Double(count) * 0.2).rounded(.toNearestOrEven))
    let threshold = isStart ? startThreshold : mainThreshold
    let error =
      value(latentSensitivities, anchor) * signals.distance(SenCachePolicy.latent, anchor, position)
      + value(timeSensitivities, anchor) * abs(stream.timesteps[position] - stream.timesteps[anchor])
    let isBelow = error < threshold
    if isBelow, streak < cap { return Decision(.predict, .threshold, signal: error, threshold: threshold) }
    return Decision(.compute, isBelow ? .cap : .threshold, signal: error, threshold: threshold)
  }

  /// A sensitivity at the tabulated timestep nearest to a call's, the first of equally near ones.
  private func value(_ table: [Double], _ position: Int) -> Double {
    if table.count == 1 { return table[0] }
    let time = stream!.timesteps[position]
    return table[times.indices.min { abs(times[$0] - time) < abs(times[$1] - time) }!]
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    streak += 1
    return forecaster.prediction(at: position)
  }

  mutating func computed(at position: Int, signals: some Signals) {
    streak = 0
    forecaster.computed(at: position, signals: signals)
  }
}
