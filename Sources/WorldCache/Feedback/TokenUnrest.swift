import Trace

/// How much each token's one-step estimate of the final latent moves over a chunk.
///
/// At call s the estimate is x_s + Σ_(t ≥ s) w_t f_s, what the solver would reach if the guided output stayed as it
/// is. The unrest of a token is the root mean square, over its channels and the calls after the first tenth, of
/// its distance from the final latent.
struct TokenUnrest {
  /// Reads one chunk; `output[branch][position]` and `latent[position]` are its features.
  static func values(
    latent: [[Float]], output: [[[Float]]], weights: [[Double]], final: [Float], _ layout: TokenTable
  ) -> [Double] {
    let count = latent.count
    var rest = [[Double]](repeating: [Double](repeating: 0, count: count), count: weights.count)
    for branch in weights.indices {
      // What is left of the branch's share of the path.
      var sum = 0.0
      for position in (0..<count).reversed() {
        sum += weights[branch][position]
        rest[branch][position] = sum
      }
    }
    let first = count / 10
    var squares = [Double](repeating: 0, count: layout.tokens.count)
    for position in first..<count {
      for (row, token) in layout.tokens.enumerated() where token.isValid {
        for channel in 0..<token.validChannels {
          let index = row * layout.channelCount + channel
          // The share of all branches: the whole way of each, at its own output.
          var estimate = Double(latent[position][index]) - Double(final[index])
          for branch in weights.indices {
            estimate += rest[branch][position] * Double(output[branch][position][index])
          }
          squares[row] += estimate * estimate
        }
      }
    }
    return layout.tokens.indices.map { row in
      let size = Double((count - first) * max(1, layout.tokens[row].validChannels))
      return (squares[row] / size).squareRoot()
    }
  }

  /// The unrest of a whole chunk: the root mean square, over the calls after the first tenth, of the distance of the
  /// one-step estimate from the final latent, over the size of the final latent; 0 where nothing moves.
  ///
  /// `values` are those of the tokens. It says how much of a chunk the model makes up on its way: little where the
  /// context shows it.
  static func whole(_ values: [Double], final: [Float], _ layout: TokenTable) -> Double {
    var (distance, size) = (0.0, 0.0)
    for (row, token) in layout.tokens.enumerated() where token.isValid {
      distance += values[row] * values[row] * Double(token.validChannels)
      for channel in 0..<token.validChannels {
        let value = Double(final[row * layout.channelCount + channel])
        size += value * value
      }
    }
    return distance == 0 ? 0 : (distance / size).squareRoot()
  }
}
