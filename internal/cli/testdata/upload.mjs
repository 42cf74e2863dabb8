// Uploads, copies and fetches with the AWS SDK for JavaScript: an operation and its arguments, with the
// bucket photos-input.
import { createRequire } from 'node:module'
import { createReadStream, readFileSync, statSync, writeFileSync } from 'node:fs'

const require = createRequire('NODE_MODULES/')
const { S3Client, PutObjectCommand, CopyObjectCommand, GetObjectCommand } = require('@aws-sdk/client-s3')
const { Upload } = require('@aws-sdk/lib-storage')

const s3 = new S3Client({ forcePathStyle: true })
const Bucket = 'photos-input'
const [operation, ...args] = process.argv.slice(2)
if (operation === 'put') {
	const [Key, file, cacheControl, metadata] = args
	const params = { Bucket, Key, CacheControl: cacheControl || undefined, Metadata: JSON.parse(metadata) ?? undefined }
	if (statSync(file).size > 5 << 20) {
		await new Upload({ client: s3, partSize: 5 << 20, params: { ...params, Body: createReadStream(file) } }).done()
	} else {
		await s3.send(new PutObjectCommand({ ...params, Body: readFileSync(file) }))
	}
} else if (operation === 'copy') {
	const CopySource = `${Bucket}/${args[0].split('/').map(encodeURIComponent).join('/')}`
	await s3.send(new CopyObjectCommand({ Bucket, Key: args[1], CopySource }))
} else if (operation === 'folder') {
	await s3.send(new PutObjectCommand({ Bucket, Key: args[0], Body: '', ContentLength: 0 }))
} else if (operation === 'get') {
	const out = await s3.send(new GetObjectCommand({ Bucket: args[0], Key: args[1] }))
	writeFileSync(args[2], await out.Body.transformToByteArray())
}
