/// What a geometry is measured from: a recorded rollout, or features that a program holds itself.
public protocol FeatureSource: Sendable {
  /// Named in errors.
  var path: String { get }
  var header: TraceHeader { get }
  /// In order of ordinals.
  var calls: [Call] { get }
  var plannedCallCount: Int { get }
  /// The recorded taps in the order in which a call passes them.
  var taps: [Tap] { get }

  func layout(of tap: Tap) throws(TraceError) -> TokenTable
  func state(of tap: Tap, call: Int) throws(TraceError) -> TapState
  /// Rows of the tensor at a tap for a call, row-major.
  func rows(_ rows: Range<Int>, of tap: Tap, call: Int) throws(TraceError) -> [Float]
  /// How many neighbouring rows are best read together.
  func rowCountOfBlock(of tap: Tap) throws(TraceError) -> Int
  /// Seconds that each call took from the tap before to this one.
  func stretchSeconds(of tap: Tap) throws(TraceError) -> [Double]
  /// A chunk's final latent; throws `lacking` when there is none.
  func `final`(chunk: Int) throws(TraceError) -> Tensor
}

extension FeatureSource {
  /// Calls that are made together, of all guidance branches at a solver stage, in their order.
  package var groups: [[Call]] {
    var groups: [[Call]] = []
    for call in calls {
      if let last = groups.last?[0],
        (last.chunk, last.step, last.stage) == (call.chunk, call.step, call.stage)
      {
        groups[groups.count - 1].append(call)
      } else {
        groups.append([call])
      }
    }
    return groups
  }
}
