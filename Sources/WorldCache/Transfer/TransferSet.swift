public import Trace

/// Traces that settings are chosen on together, or tried on together.
public struct TransferSet: Sendable {
  /// As it is printed, such as a folder's name or `steps=20`.
  public var name: String
  /// Traces by what they are called in errors.
  public var traces: [(name: String, open: ReplayBatch.Source)]

  public init(name: String, traces: [(name: String, open: ReplayBatch.Source)]) {
    precondition(!traces.isEmpty)
    self.name = name
    self.traces = traces
  }

  /// The geometries that a policy needs, trace after trace and chunk after chunk.
  func geometries(for plan: PolicyPlan) throws -> [Geometry] {
    try traces.flatMap { try $0.open()(plan) }
  }
}

/// A header's fact by which traces are told apart.
public enum TransferFact: String, CaseIterable, Sendable {
  case steps, guidance, chunk, scene, noise, shift

  /// What a fact is in a trace; those of one fact are all of one kind. Seeds are too large for a Double.
  public enum Value: Hashable, Comparable, Sendable, CustomStringConvertible {
    case whole(Int)
    case real(Double)

    public var description: String {
      switch self {
      case .whole(let number): "\(number)"
      case .real(let number): number.shortest
      }
    }
  }

  /// Its values in a trace in order: one, or for `chunk` every one that the rollout has.
  public func values(of header: TraceHeader, _ calls: [Call]) -> [Value] {
    switch self {
    case .steps: [.whole(header.stepCount)]
    case .guidance: [.real(calls.first?.guidance ?? 1)]
    case .chunk: (0..<header.chunkCount).map { .whole($0) }
    case .scene: [.whole(header.sceneSeed)]
    case .noise: [.whole(header.noiseSeed)]
    case .shift: [.real(header.shift)]
    }
  }
}
