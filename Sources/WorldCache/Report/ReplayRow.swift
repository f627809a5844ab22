import Trace

/// One replay in a table: what is printed of it, without the replay itself.
public struct ReplayRow: Sendable {
  /// Place among the traces that were asked for.
  public let trace: Int
  public let role: ReplayBatch.Role
  public let policy: String
  let cells: [Table.Cell]
  /// Everything for programs; nil unless asked for.
  let json: JSONValue?
  /// Errors by modality, frame or branch; empty unless asked for.
  let slices: [SliceFigures]
  let figures: Figures
  public let tokenCallCount: Int
  /// ``Replay/nearTieCount``.
  public let nearTieCount: Int?

  /// What a summary over traces is made of.
  struct Figures: Sendable {
    let computedFraction: Double
    let speedup: Double?
    let direct: Double?
    let streak: Double?
    let worstCall: Double
    let meanCall: Double
  }

  /// What rows are to hold.
  public struct Request: Sendable {
    public var columns: [ReplayColumn]
    public var options: FigureOptions
    public var slicing: Slicing?
    public var json: Bool

    public init(columns: [ReplayColumn], options: FigureOptions, slicing: Slicing?, json: Bool) {
      self.columns = columns
      self.options = options
      self.slicing = slicing
      self.json = json
    }

    /// Whether replays need the finer figures.
    public var needsDetails: Bool { json || slicing != nil || columns.contains(where: \.needsDetails) }
  }

  /// What errors are told apart by.
  public enum Slicing: String, Sendable, CaseIterable { case modality, frame, branch }

  public init(_ request: Request, trace: Int, _ role: ReplayBatch.Role, _ replay: Replay) {
    self.trace = trace
    self.role = role
    policy = replay.spec.description
    cells = request.columns.map { $0.cell(replay, request.options) }
    json = request.json ? ReplayTable.json(replay, request.options) : nil
    slices =
      switch request.slicing {
      case nil: []
      case .modality: replay.details?.slices(of: .modality) ?? []
      case .frame: replay.details?.slices(of: .frame) ?? []
      case .branch: replay.details?.branches ?? []
      }
    figures = Figures(
      computedFraction: Double(replay.computedCount) / Double(replay.callCount),
      speedup: replay.seconds > 0 ? replay.uncachedSeconds / replay.seconds : nil,
      direct: replay.directError, streak: replay.streakError, worstCall: replay.worstCallError,
      meanCall: replay.meanCallError)
    tokenCallCount = replay.tokenCallCount
    nearTieCount = replay.nearTieCount
  }
}
