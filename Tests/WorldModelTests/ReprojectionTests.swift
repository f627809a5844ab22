import Testing

@testable import WorldModel

struct ReprojectionTests {
  private let camera = Camera(width: 48, height: 32)

  /// A wall across the view at one depth, whose grey rises by 1/48 per column.
  private func ramp(depth: Float) -> Frame {
    Frame(
      rgb: (0..<(32 * 48)).flatMap { [Float](repeating: Float($0 % 48) / 48, count: 3) },
      disparity: [Float](repeating: 1 / depth, count: 32 * 48))
  }

  @Test func stayingShowsTheSameFrame() {
    let walk = Walk(seed: 12, frameCount: 1, config: Config())
    let seen = Reprojection(of: walk.frames[0], from: walk.poses[0], to: walk.poses[0], camera: camera)
    #expect(seen.mask.allSatisfy { $0 == 1 })
    for (a, b) in zip(seen.frame.disparity, walk.frames[0].disparity) { #expect(abs(a - b) < 1e-4) }
    // Colours are interpolated between pixels, which softens edges: 30 dB is 0.03 per value.
    let error = zip(seen.frame.rgb, walk.frames[0].rgb).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    #expect(error / Float(seen.frame.rgb.count) < 1e-3)
  }

  @Test func aStepToTheRightMovesTheImageLeft() {
    // At depth d a step of 4 d / f metres is 4 pixels.
    let depth: Float = 3
    let seen = Reprojection(
      of: ramp(depth: depth), from: Pose(), to: Pose(x: 4 * depth / camera.focal), camera: camera)
    for y in [0, 15, 31] {
      for x in 0..<43 {
        let at = y * 48 + x
        #expect(seen.mask[at] == 1)
        #expect(abs(seen.frame.rgb[at * 3] - Float(x + 4) / 48) < 2e-3)
        #expect(abs(seen.frame.disparity[at] - 1 / depth) < 1e-4)
      }
      // The last four columns were outside the old view; they are filled from the seen ones.
      for x in 44..<48 {
        #expect(seen.mask[y * 48 + x] == 0)
        #expect(seen.frame.rgb[(y * 48 + x) * 3] > 0.9)
      }
    }
  }

  @Test func comingCloserEnlarges() {
    // From 4 m to 2 m: disparity doubles, and half the distance from the centre fills the view.
    let seen = Reprojection(of: ramp(depth: 4), from: Pose(), to: Pose(z: 2), camera: camera)
    #expect(seen.mask.allSatisfy { $0 == 1 })
    for x in 0..<48 {
      let at = 16 * 48 + x
      #expect(abs(seen.frame.disparity[at] - 0.5) < 1e-4)
      // Column x shows the old place 24 + (x + 1/2 - 24) / 2, whose grey is that minus 1/2 over 48.
      #expect(abs(seen.frame.rgb[at * 3] - (24 + (Float(x) + 0.5 - 24) / 2 - 0.5) / 48) < 3e-3)
    }
  }

  @Test func nearSurfacesHideFarOnes() {
    // The left half is at 1 m and white, the right half at 10 m and black; a step to the left moves
    // the near half over the far one.
    var frame = ramp(depth: 10)
    for at in 0..<(32 * 48) {
      let near = at % 48 < 24
      frame.disparity[at] = near ? 1 : 0.1
      for channel in 0..<3 { frame.rgb[at * 3 + channel] = near ? 1 : 0 }
    }
    // 10 pixels for the near half, 1 for the far one.
    let seen = Reprojection(of: frame, from: Pose(), to: Pose(x: -10 / camera.focal), camera: camera)
    for x in 12..<32 { #expect(seen.frame.rgb[(16 * 48 + x) * 3] > 0.9 && seen.mask[16 * 48 + x] == 1) }
    for x in 36..<48 { #expect(seen.frame.rgb[(16 * 48 + x) * 3] < 0.1) }
  }
}
