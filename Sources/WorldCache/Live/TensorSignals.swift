import Trace

/// Signals of a live run: the tensors that passed the taps so far.
///
/// What they do not hold cannot be asked for: values at the site exist at computed calls, quantities after
/// the policy's station too, quantities up to the station at every call.
struct TensorSignals: DriverSignals {
  let store: TensorStore
  let branches: Range<Int>
  var reached = 0

  var geometry: Geometry { store.geometry }
  var tokenModalities: [Int] { geometry.tokens.map(\.modality) }

  func norms(of combination: Combination) -> [Double] {
    var norms: [Double] = []
    for branch in branches { store.norms(of: combination, branch: branch, into: &norms) }
    return norms
  }

  func norms(of combination: Combination, at tokens: [Int]) -> [Double] {
    var result = [Double](repeating: 0, count: tokens.count)
    for (place, branch) in branches.enumerated() {
      let start = place * geometry.tokenCount
      let own = tokens.indices.filter { (start..<(start + geometry.tokenCount)).contains(tokens[$0]) }
      var norms: [Double] = []
      let rows = store.rows(of: own.lazy.map { tokens[$0] - start })
      store.norms(of: combination, branch: branch, rows: rows, into: &norms)
      for (index, norm) in zip(own, norms) { result[index] = norm }
    }
    return result
  }

  func meanAbsolute(_ change: ChangeRequest, at position: Int) -> Double {
    branches.reduce(0) { $0 + store.size(.absolute, change, position, branch: $1) } / elementCount(change)
  }

  func meanAbsoluteChange(_ change: ChangeRequest, _ u: Int, _ v: Int) -> Double {
    branches.reduce(0) { $0 + store.change(.absolute, change, u, v, branch: $1) } / elementCount(change)
  }

  func distance(_ change: ChangeRequest, _ u: Int, _ v: Int) -> Double {
    branches.reduce(0) { $0 + store.change(.squared, change, u, v, branch: $1) }.squareRoot()
  }

  func magnitude(_ change: ChangeRequest, at position: Int) -> Double {
    branches.reduce(0) { $0 + store.size(.squared, change, position, branch: $1) }.squareRoot()
  }

  private func elementCount(_ change: ChangeRequest) -> Double {
    Double(branches.count * store.elementCount(change))
  }
}
