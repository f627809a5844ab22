import Trace
import WorldCache
import WorldModel

extension EchoedRollout.Ends {
  /// The ends of a model for a recording of it; nil for recordings of others.
  init?(_ weights: Weights, for header: TraceHeader) {
    guard let ends = DenoiserEnds(weights, header: header) else { return nil }
    self.init(entry: { ends.entry(of: $0) }, output: { ends.output(of: $0, changes: $1, $2) })
  }
}
