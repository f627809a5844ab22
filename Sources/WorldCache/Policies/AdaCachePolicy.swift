import Trace

/// At each computed call reads from a codebook how many calls may follow before the next (AdaCache,
/// arXiv 2411.02397).
///
/// As ModelTC/LightX2V f8aee98 ports it to Wan: a quantity c of the block in the middle is compared with
/// that of the computed call before, `diff = Σ |c − c'| / Σ |c'| / rate`, where rate is the one
/// chosen there; the first codebook entry above diff gives the next rate, so that `rate − 1` calls
/// are predicted. The first rate is 1; no call is forced. Each guidance branch decides for itself. What is held is
/// the residual of the whole stack.
///
/// Differs: motion regularisation, which compares frames within a call, is not part of it (its factor is 1).
struct AdaCachePolicy: Policy {
  static let entry = PolicyEntry(
    name: "adacache", summary: "Reads the next computed call from a codebook of changes (AdaCache).",
    source:
      "arXiv 2411.02397; ModelTC/LightX2V f8aee98 (WanTransformerInferAdaCaching); codebooks of 30 calls "
      + "from AdaCache-DiT/AdaCache 2c6d3ca.",
    standIn:
      "The method compares the gated self-attention output of the middle block; here the block's whole residual "
      + "stands for it, without motion regularisation.",
    parameters: [
      Parameter(
        "codebook", .choice(Codebook.all.map(\.name)), default: "100",
        "rates by change, made for 100 calls or for 30")
    ],
    kind: .ordinary { AdaCachePolicy($0) })

  /// Rates by the change below which they hold, smallest change first.
  private struct Codebook {
    let name: String
    let entries: [(change: Double, rate: Int)]
    let otherwise: Int

    static let all = [
      Codebook(
        name: "100", entries: [(0.03, 12), (0.05, 10), (0.07, 8), (0.09, 6), (0.11, 4)], otherwise: 3),
      Codebook(
        name: "30-fast", entries: [(0.08, 6), (0.16, 5), (0.24, 4), (0.32, 3), (0.4, 2)], otherwise: 1),
      Codebook(name: "30-slow", entries: [(0.08, 3), (0.16, 2)], otherwise: 1),
    ]

    func rate(_ change: Double) -> Int { entries.first { change < $0.change }?.rate ?? otherwise }
  }

  let spec: PolicySpec
  private let codebook: Codebook
  private var stream: CallStream?
  private var forecaster = Forecaster(HoldPredictor())
  /// The rate chosen at the newest computed call, and the change that chose it.
  private var rate = 1
  private var change: Double?

  init(_ values: ParameterValues) {
    spec = values.spec
    codebook = Codebook.all.first { $0.name == values.choice("codebook") }!
  }

  var site: Site? { .stack }
  var station: Tap { .hidden(0) }
  var coupling: Coupling { .separate }
  var predictor: (any Predictor)? { forecaster.predictor }
  /// The residual of the stack and that of the middle block.
  var cachedTensorCount: Int { 2 }
  func changes(blockCount: Int) -> [ChangeRequest] { [middle(blockCount)] }

  // Block L / 2 counted from 0.
  private func middle(_ blockCount: Int) -> ChangeRequest {
    let block = blockCount / 2 + 1
    return ChangeRequest(
      Quantity(.block(block), minus: block == 1 ? .hidden(0) : .block(block - 1)), .all)
  }

  mutating func begin(_ stream: CallStream) {
    self.stream = stream
    rate = 1
    change = nil
    forecaster.reset()
  }

  mutating func decide(at position: Int, signals: some Signals) -> Decision {
    guard let anchor = forecaster.anchors.first else { return Decision(.compute, .warmUp) }
    return Decision(position - anchor < rate ? .predict : .compute, .threshold, signal: change)
  }

  mutating func prediction(at position: Int, signals: some Signals) -> Prediction {
    forecaster.prediction(at: position)
  }

  mutating func computed(at position: Int, signals: some Signals) {
    if let before = forecaster.anchors.first {
      let change =
        signals.relativeChange(middle(stream!.blockCount), at: position, from: before) / Double(rate)
      rate = codebook.rate(change)
      self.change = change
    }
    forecaster.computed(at: position, signals: signals)
  }
}
