public import Trace

/// Predicts the unconditional branch from the conditional one, band by band (the guidance part of FasterCache).
///
/// At a computed call the differences d = V_uncond − V_cond of a low and a high frequency band are kept; on a
/// skipped one `V_uncond = (V_cond + d)_low + (V_cond + d)_high` with the conditional branch just computed. Each
/// skip multiplies the low d by `low-gain` where 99 < t < 901 and the high d by `high-gain` where t < 301. The
/// branch is skipped at call s > 0 where t < `below` and s mod `every` ≠ 0 (huggingface/diffusers 58eb52c,
/// hooks/faster_cache.py; Open-Sora uses gains of 1.15). The conditional branch is always computed. Differs:
/// the bands are those of the token grid of each frame; the code transforms latent pixels, several of which
/// make a token. The reuse of attention outputs, FasterCache's other part, is not defined on a trace.
public struct FasterCachePolicy: Policy {
  static let entry = PolicyEntry(
    name: "fastercache",
    summary:
      "Predicts the unconditional branch from the conditional one, band by band (FasterCache's CFG part).",
    source: "arXiv 2410.19355; Vchitect/FasterCache 02d05ef, huggingface/diffusers 58eb52c. Its reuse of "
      + "attention outputs is left out: the rest of the network would be computed on top of it.",
    standIn: "Frequencies are those of the token grid, not of latent pixels, where a token holds several.",
    parameters: [
      Parameter(
        "every", .integer(1...Int.max), default: "5", "calls from one computed unconditional call to the next"
      ),
      Parameter(
        "below", .real(0...1_000_000), default: "641", "timestep from which on downwards calls are skipped"),
      Parameter(
        "low-gain", .real(0...1000), default: "1.1", "factor of the low band's difference at each skip"),
      Parameter(
        "high-gain", .real(0...1000), default: "1.1", "factor of the high band's difference at each skip"),
    ],
    kind: .ordinary { FasterCachePolicy($0) })

  public let spec: PolicySpec
  private let every: Int
  private let below: Double
  private let gains: (low: Double, high: Double)
  private var stream: CallStream?
  private var newest = 0
  /// What the kept differences have been multiplied by since the newest computed call.
  private var factors = (low: 1.0, high: 1.0)

  init(_ values: ParameterValues) {
    spec = values.spec
    every = values.integer("every")
    below = values.real("below")
    gains = (values.real("low-gain"), values.real("high-gain"))
  }

  public var site: Site? { .output }
  public var split: BandSplit? { .disc(fraction: 0.2) }
  public var coupling: Coupling { .separate }
  public var predictor: (any Predictor)? { nil }
  public var cachedTensorCount: Int { 2 }

  public mutating func begin(_ stream: CallStream) {
    self.stream = stream
    factors = (1, 1)
  }

  public mutating func decide(at position: Int, signals: some Signals) -> Decision {
    let stream = stream!
    if stream.branch == 0 { return Decision(.compute, .always) }
    let index = stream.index(of: position)
    if index == 0 { return Decision(.compute, .warmUp) }
    let isSkipped = stream.timesteps[position] < below && index % every != 0
    return Decision(isSkipped ? .predict : .compute, .schedule)
  }

  public mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    let time = stream!.timesteps[position]
    if time > 99, time < 901 { factors.low *= gains.low }
    if time < 301 { factors.high *= gains.high }
    var sum = Combination()
    for (band, factor) in [factors.low, factors.high].enumerated() {
      let own = Combination(valueAt: newest, component: .init(band: band))
      let other = Combination.Component(branch: 0, band: band)
      sum =
        sum + Combination(valueAt: position, component: other)
        + (own - Combination(valueAt: newest, component: other)) * factor
    }
    return Prediction(sum)
  }

  public mutating func computed(at position: Int, signals: some Signals) {
    newest = position
    factors = (1, 1)
  }
}
