import Trace

/// What a live cache decided over one chunk of a rollout.
public struct LiveStream: Sendable {
  public let chunk: Int
  /// Solver step and noise level of every position.
  public let steps: [Int]
  public let sigmas: [Double]
  /// `[lane][position]`: one lane when a decision covers all guidance branches of a step, otherwise one for
  /// each branch.
  public internal(set) var lanes: [[Decision]]
  /// The guidance branches that each lane's decisions cover, counted among those of the site.
  public let covered: [Range<Int>]
  /// Evaluations of the network that a lane's decision to compute takes, one per branch.
  let evaluationCounts: [Int]
  /// The most bytes of cached values that have to be held from one call to the next, all branches together.
  public internal(set) var peakByteCount = 0

  public var computedCount: Int { lanes.reduce(0) { $0 + $1.count { $0.action == .compute } } }
  public var decisionCount: Int { lanes.reduce(0) { $0 + $1.count } }

  /// Evaluations of the network that were decided on, each branch counted.
  public var evaluationCount: Int {
    zip(lanes, evaluationCounts).reduce(0) { $0 + $1.1 * $1.0.count { $0.action == .compute } }
  }

  /// The decisions of a lane as a picture, a C for each computed call and a p for each predicted one.
  public func picture(lane: Int) -> String {
    String(lanes[lane].map { $0.action == .compute ? "C" : "p" })
  }
}

/// Wall seconds that a live cache itself spends, the network's not among them.
public struct ControllerSeconds: Hashable, Sendable {
  /// Keeping tensors: differences, bands and filters.
  public var keeping: Double
  /// Signals, decisions and the policy's books.
  public var deciding: Double
  /// Forming what predicted calls emit.
  public var predicting: Double

  public init(keeping: Double = 0, deciding: Double = 0, predicting: Double = 0) {
    self.keeping = keeping
    self.deciding = deciding
    self.predicting = predicting
  }

  public var total: Double { keeping + deciding + predicting }
}
