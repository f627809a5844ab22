/// A frame seen from another pose: what its pixels and their disparity say about the new view.
///
/// Every pixel is lifted to 3-D with its disparity, moved and drawn again, nearest surface first, at
/// four times the resolution of the source in each direction. Unseen pixels are filled from their
/// neighbours and marked in the mask. (Voyager, arXiv 2506.04225, conditions its video model on such
/// reprojections of its world cache.)
struct Reprojection {
  var frame: Frame
  /// 1 where the source saw the surface, 0 where the value is only filled in.
  var mask: [Float]

  private static let oversampling = 4
  // Surfaces within 5 % of the nearest one belong to it.
  private static let depthTolerance: Float = 1.05

  /// Draws `source`, taken at pose `from`, as a camera at pose `to` would see it.
  init(of source: Frame, from: Pose, to: Pose, camera: Camera) {
    let (width, height) = (camera.width, camera.height)
    let n = Reprojection.oversampling
    let view = from.relative(to: to)
    var target: [Int] = []
    var depths: [Float] = []
    target.reserveCapacity(width * height * n * n)
    depths.reserveCapacity(width * height * n * n)
    var nearest = [Float](repeating: .infinity, count: width * height)
    for y in 0..<(height * n) {
      for x in 0..<(width * n) {
        let (u, v) = ((Float(x) + 0.5) / Float(n), (Float(y) + 0.5) / Float(n))
        let depth = 1 / max(source.disparity[y / n * width + x / n], 0.02)
        let point = view.turned(camera.ray(u, v) * depth) + SIMD3(view.x, 0, view.z)
        var pixel = -1
        if point.z > 0.05 {
          let column = (point.x / point.z * camera.focal + Float(width) / 2).rounded(.down)
          let row = (Float(height) / 2 - point.y / point.z * camera.focal).rounded(.down)
          if column >= 0, row >= 0, column < Float(width), row < Float(height) {
            pixel = Int(row) * width + Int(column)
            nearest[pixel] = min(nearest[pixel], point.z)
          }
        }
        target.append(pixel)
        depths.append(point.z)
      }
    }

    var rgb = [Float](repeating: 0, count: width * height * 3)
    var disparity = [Float](repeating: 0, count: width * height)
    var hits = [Float](repeating: 0, count: width * height)
    for index in target.indices where target[index] >= 0 {
      let pixel = target[index]
      guard depths[index] <= nearest[pixel] * Reprojection.depthTolerance else { continue }
      let color = Reprojection.color(of: source, at: index, camera)
      for channel in 0..<3 { rgb[pixel * 3 + channel] += color[channel] }
      disparity[pixel] += 1 / depths[index]
      hits[pixel] += 1
    }
    for pixel in hits.indices where hits[pixel] > 0 {
      for channel in 0..<3 { rgb[pixel * 3 + channel] /= hits[pixel] }
      disparity[pixel] /= hits[pixel]
    }
    frame = Frame(rgb: rgb, disparity: disparity)
    mask = hits.map { $0 > 0 ? 1 : 0 }
    fill(width, height)
  }

  /// The source's colour at an oversampled position, bilinear between pixel centres.
  private static func color(of source: Frame, at index: Int, _ camera: Camera) -> SIMD3<Float> {
    let (width, height, n) = (camera.width, camera.height, oversampling)
    let u = (Float(index % (width * n)) + 0.5) / Float(n) - 0.5
    let v = (Float(index / (width * n)) + 0.5) / Float(n) - 0.5
    let (x0, y0) = (Int(u.rounded(.down)), Int(v.rounded(.down)))
    let (fx, fy) = (u - Float(x0), v - Float(y0))
    func pixel(_ x: Int, _ y: Int) -> SIMD3<Float> {
      let at = (min(max(y, 0), height - 1) * width + min(max(x, 0), width - 1)) * 3
      return SIMD3(source.rgb[at], source.rgb[at + 1], source.rgb[at + 2])
    }
    let top = pixel(x0, y0) * (1 - fx) + pixel(x0 + 1, y0) * fx
    let bottom = pixel(x0, y0 + 1) * (1 - fx) + pixel(x0 + 1, y0 + 1) * fx
    return top * (1 - fy) + bottom * fy
  }

  // Unseen pixels take the mean of their known neighbours, layer by layer from the seen ones.
  private mutating func fill(_ width: Int, _ height: Int) {
    var known = mask.map { $0 > 0 }
    guard known.contains(true) else { return }
    while known.contains(false) {
      let before = known
      for y in 0..<height {
        for x in 0..<width where !before[y * width + x] {
          var (sum, deep, count) = (SIMD3<Float>.zero, Float(0), Float(0))
          for ny in max(0, y - 1)...min(height - 1, y + 1) {
            for nx in max(0, x - 1)...min(width - 1, x + 1) where before[ny * width + nx] {
              let at = ny * width + nx
              sum += SIMD3(frame.rgb[at * 3], frame.rgb[at * 3 + 1], frame.rgb[at * 3 + 2])
              deep += frame.disparity[at]
              count += 1
            }
          }
          guard count > 0 else { continue }
          let at = y * width + x
          for channel in 0..<3 { frame.rgb[at * 3 + channel] = sum[channel] / count }
          frame.disparity[at] = deep / count
          known[at] = true
        }
      }
    }
  }
}
